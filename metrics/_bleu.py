"""BLEU-1 to BLEU-4 of a corpus, in the variants that the field reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from metrics.errors import InputError
from metrics.metric import FloatArray, Metric, MetricInfo, Output, Span, ratio
from metrics.samples import Samples
from metrics.tokens import mteval_13a as tokens_13a
from metrics.tokens import ptb as tokens_ptb
from metrics.tokens.matched_runs import matched_runs
from metrics.tokens.ngrams import clipped_matches, closest_lengths, lengths_of, totals
from metrics.tokens.vocabulary import IdArray, Vocabulary
from metrics.treatments import treatment

_ORDERS = np.arange(1.0, 5.0)
_CHOICES = {
    "tokens": ("13a", "split", "ptb"),
    "length": ("shortest", "closest"),
    "smoothing": ("none", "exp", "coco"),
}


@dataclass(frozen=True)
class Bleu(Metric):
    """BLEU-1 to BLEU-4: clipped n-gram precision over the corpus, times a brevity penalty.

    Four variants are in use, and they differ by points:

    - the hub's ``evaluate``, and Libra on cleaned text: the defaults here;
    - sacreBLEU: ``length="closest"``, ``smoothing="exp"``. An order without a match counts 1/2,
      1/4 … of a match; a single sample's score uses the orders that the prediction is long enough
      for; white space at the end is stripped before tokenising;
    - RadEval: ``tokens="split"``, ``length="closest"``, ``smoothing="coco"`` (counts plus tiny
      constants, which is why identical texts score 0.99999…);
    - coco-caption: as RadEval's, with ``tokens="ptb"``.

    A side without any token scores 0, where the hub's script divides by zero.

    Source: Papineni et al. 2002; sacreBLEU 2.x; tensorflow/nmt ``bleu.py``; pycocoevalcap 1.2.

    >>> scores = Bleu().score(["no large effusion"], ["no pleural effusion"])
    >>> round(scores["bleu1"], 4), scores["bleu2"]
    (0.6667, 0.0)
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="bleu",
        outputs=tuple(Output(f"bleu{order}") for order in range(1, 5)),
        version=1,
        empty="has no n-grams; its length still counts in the brevity penalty, alone it scores 0",
        source="Papineni et al., ACL 2002; sacrebleu; huggingface/evaluate; pycocoevalcap",
    )
    treatment: str = "raw"
    tokens: str = "13a"
    lowercase: bool = False
    length: str = "shortest"
    smoothing: str = "none"

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(
                    f"BLEU has no {name} {getattr(self, name)!r}. Known: {', '.join(known)}."
                )

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 10): matches and n-grams of orders 1–4, both lengths."""
        texts = samples.prepared(self.treatment)
        key = ("tokens", *self._tokeniser)
        encode = vocabulary(*self._tokeniser).encode
        predictions = texts.map_predictions(key, encode)
        references = texts.map_references(key, encode)
        counts = samples.reference_counts
        lengths = lengths_of(predictions)
        return np.column_stack(
            (
                clipped_matches(predictions, references, counts, 4),
                totals(lengths, 4),
                lengths,
                self._reference_lengths(lengths, lengths_of(references), counts),
            )
        )

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return BLEU-1 to BLEU-4 of summed counts."""
        return self._reduce(totals, effective_order=False)

    def per_sample(self, statistics: FloatArray) -> FloatArray:
        """Return each pair's score as its own corpus; with ``exp`` as sacreBLEU's sentence_bleu."""
        return self._reduce(statistics, effective_order=self.smoothing == "exp")

    def spans(self, prediction: str, references: Sequence[str]) -> list[Span]:
        """Return the longest token sequences that prediction and first reference share."""
        prepare = treatment(self.treatment) or str
        tokens = vocabulary(*self._tokeniser).token_list
        sides = [(text, tokens(prepare(text))) for text in (prediction, references[0])]
        return matched_runs(*sides)

    @property
    def _tokeniser(self) -> tuple[str, bool]:
        stripped = self.tokens == "13a" and self.smoothing == "exp"
        return "13a_stripped" if stripped else self.tokens, self.lowercase

    def _reference_lengths(self, lengths: IdArray, candidates: IdArray, counts: IdArray) -> IdArray:
        if self.length == "closest":
            return closest_lengths(lengths, candidates, counts)
        shortest: IdArray = np.minimum.reduceat(candidates, np.cumsum(counts) - counts)
        return shortest

    def _reduce(self, totals: FloatArray, effective_order: bool) -> FloatArray:
        matched, possible = totals[..., :4], totals[..., 4:8]
        length, wanted = totals[..., 8:9], totals[..., 9:10]
        if self.smoothing == "coco":
            return _coco(matched, possible, length, wanted)
        if self.smoothing == "exp":
            precision = _exponential(matched, possible)
        else:
            precision = ratio(matched, possible, 0.0)
        orders = (
            np.minimum(_ORDERS, (possible > 0).sum(-1, keepdims=True))
            if effective_order
            else _ORDERS
        )
        score = _geometric_mean(precision, orders)
        shorter = length < wanted
        penalty = np.exp(1.0 - ratio(wanted, np.where(shorter, length, wanted), np.inf))
        scored = matched[..., :1] > 0
        if self.length == "shortest":  # the hub's script divides by the reference length
            scored = scored & (wanted > 0)
        return np.where(scored, np.where(shorter, penalty, 1.0) * score, 0.0)


def _geometric_mean(precision: FloatArray, orders: FloatArray) -> FloatArray:
    """Return the geometric mean of the first 1, 2, 3, 4 precisions."""
    logs = np.full(precision.shape, -np.inf)
    np.log(precision, out=logs, where=precision > 0)
    # An order beyond the effective one adds nothing to the sum and is not in the divisor.
    logs = np.where(orders[..., -1:] >= _ORDERS, logs, 0.0)
    mean: FloatArray = np.exp(np.cumsum(logs, axis=-1) / np.maximum(orders, 1.0))
    return mean


def _exponential(matched: FloatArray, possible: FloatArray) -> FloatArray:
    """Return precisions in which the k-th order without a match counts as 2**-k of one."""
    unmatched = (matched == 0) & (possible > 0)
    halvings = np.cumsum(unmatched, axis=-1)
    return ratio(np.where(unmatched, 0.5**halvings, matched), possible, 0.0)


def _coco(
    matched: FloatArray, possible: FloatArray, length: FloatArray, wanted: FloatArray
) -> FloatArray:
    """Return BLEU with the constants that keep coco-caption's scorer from dividing by zero."""
    product = np.cumprod((matched + 1e-15) / (possible + 1e-9), axis=-1)
    relative = (length + 1e-15) / (wanted + 1e-9)
    penalty = np.where(relative < 1, np.exp(1 - 1 / np.minimum(relative, 1.0)), 1.0)
    score: FloatArray = product ** (1 / _ORDERS) * penalty
    return score


_CUTTERS: dict[str, tuple[Callable[[str], list[str]], Callable[[str], Sequence[str]]]] = {
    "13a": (tokens_13a.words, tokens_13a.tokens),
    "13a_stripped": (tokens_13a.words_of_stripped, tokens_13a.tokens),
    "split": (str.split, lambda word: (word,)),
    "ptb": (tokens_ptb.split_tokens, lambda word: (word,)),
}


@cache
def vocabulary(tokens: str, lowercase: bool = False) -> Vocabulary:
    """Return the process' one vocabulary for a way to cut texts."""
    words, cut = _CUTTERS[tokens]
    return Vocabulary((lambda text: words(text.lower())) if lowercase else words, cut)
