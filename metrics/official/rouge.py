"""ROUGE by rouge-score, plain mean over samples; ROUGE-L by pycocoevalcap for PTB tokens."""

from __future__ import annotations

from collections.abc import Sequence

from metrics.official import OfficialScores, mean_scores, needed
from metrics.official.ptb import tokenise

_TYPES = ["rouge1", "rouge2", "rougeL"]


def scores(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    stem: bool = False,
    tokens: str = "rouge",
    beta: float = 1.0,
) -> OfficialScores:
    """Return rouge1, rouge2 and rougeL as F1; with PTB tokens rougeL alone, as F of ``beta``."""
    if tokens == "ptb":
        return _coco(*tokenise(predictions, references), beta)
    scorer = needed("rouge_score.rouge_scorer").RougeScorer(_TYPES, use_stemmer=stem)
    found = [
        scorer.score_multi(list(texts), prediction)
        for prediction, texts in zip(predictions, references, strict=True)
    ]
    return mean_scores({name: [float(s[name].fmeasure) for s in found] for name in _TYPES})


def _coco(
    predictions: Sequence[str], references: Sequence[Sequence[str]], beta: float
) -> OfficialScores:
    scorer = needed("pycocoevalcap.rouge.rouge").Rouge()
    scorer.beta = beta
    found = [
        float(scorer.calc_score([prediction], texts))
        for prediction, texts in zip(predictions, references, strict=True)
    ]
    return mean_scores({"rougeL": found})
