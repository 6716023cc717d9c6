"""BLEU by sacreBLEU, or by pycocoevalcap where the smoothing is coco-caption's.

The hub's ``evaluate`` script comes from a hub at run time, so its BLEU is had from sacreBLEU: the
same tokeniser and counts, no smoothing, and the shortest reference length put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from metrics.official import OfficialScores, needed
from metrics.official.ptb import tokenise

_ORDERS = (1, 2, 3, 4)
_SACREBLEU_TOKENISERS = {"13a": "13a", "split": "none", "ptb": "none"}


def scores(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    tokens: str = "13a",
    lowercase: bool = False,
    length: str = "shortest",
    smoothing: str = "none",
) -> OfficialScores:
    """Return bleu1 to bleu4; settings as those of the native metric."""
    if lowercase:
        predictions = [text.lower() for text in predictions]
        references = [[text.lower() for text in texts] for texts in references]
    if tokens == "ptb":
        predictions, references = tokenise(predictions, references)
    if smoothing == "coco":
        return _coco(predictions, references, length)
    if smoothing == "none":
        # The hub does not strip texts: what the tokeniser joins at line ends is joined before.
        predictions = [_joined(text) for text in predictions]
        references = [[_joined(text) for text in texts] for texts in references]
    corpus: dict[str, float] = {}
    per_sample: dict[str, list[float]] = {}
    for order in _ORDERS:
        score = _Sacrebleu(_SACREBLEU_TOKENISERS[tokens], order, length, smoothing)
        corpus[f"bleu{order}"] = score(predictions, references, effective=False)
        per_sample[f"bleu{order}"] = [
            score([prediction], [texts], effective=smoothing == "exp")
            for prediction, texts in zip(predictions, references, strict=True)
        ]
    return OfficialScores(corpus, per_sample)


class _Sacrebleu:
    """sacreBLEU's corpus score of one order, on the scale 0–1."""

    def __init__(self, tokeniser: str, order: int, length: str, smoothing: str) -> None:
        self._metric = needed("sacrebleu.metrics").BLEU
        self._settings: dict[str, Any] = {"smooth_method": smoothing, "max_ngram_order": order}
        self._tokeniser = tokeniser
        self._length = length

    def __call__(
        self, predictions: Sequence[str], references: Sequence[Sequence[str]], effective: bool
    ) -> float:
        settings = {**self._settings, "effective_order": effective}
        metric = self._metric(tokenize=self._tokeniser, force=True, **settings)
        most = max(map(len, references))
        streams = [[_nth(texts, i) for texts in references] for i in range(most)]
        found = metric.corpus_score(list(predictions), streams)
        if self._length == "shortest":
            shortest = sum(
                min(len(metric.tokenizer(text.rstrip()).split()) for text in texts)
                for texts in references
            )
            if shortest == 0:  # on which the hub's script raises
                return 0.0
            found = self._metric.compute_bleu(
                found.counts, found.totals, found.sys_len, shortest, **settings
            )
        return float(found.score) / 100


def _coco(
    predictions: Sequence[str], references: Sequence[Sequence[str]], length: str
) -> OfficialScores:
    scorer = needed("pycocoevalcap.bleu.bleu_scorer").BleuScorer(n=4)
    for prediction, texts in zip(predictions, references, strict=True):
        scorer += (prediction, list(texts))
    corpus, per_sample = scorer.compute_score(option=length, verbose=0)
    names = [f"bleu{order}" for order in _ORDERS]
    return OfficialScores(
        dict(zip(names, map(float, corpus), strict=True)),
        dict(zip(names, per_sample, strict=True)),
    )


def _joined(text: str) -> str:
    return text.replace("<skipped>", "").replace("-\n", "")


def _nth(texts: Sequence[str], place: int) -> str | None:
    return texts[place] if place < len(texts) else None
