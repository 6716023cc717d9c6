"""ROUGE-1, ROUGE-2 and ROUGE-L F1, averaged over studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from metrics.errors import InputError
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.samples import Samples, TestSet, Texts
from metrics.tokens import ptb as tokens_ptb
from metrics.tokens import rouge_words as tokens_rouge
from metrics.tokens.ngrams import clipped_matches, lengths_of, totals
from metrics.tokens.vocabulary import IdArray, Vocabulary

_EMPTY = "0 if either side has no token, both included; ROUGE-2 also where one has a single token"
_SOURCE = "Lin 2004; google-research rouge-score 0.1.2, plain mean of its F1"


@dataclass(frozen=True)
class _RougeN(Metric):
    """F1 over n-grams; several references: the best F1."""

    order: ClassVar[int]
    treatment: str = "raw"
    stem: bool = False

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 2): the sample's F1, and 1."""
        scores = _n_gram_scores(samples.prepared(self.treatment), self.stem)
        return _mean_rows(scores[:, self.order - 1])

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean F1."""
        return ratio(totals[..., :1], totals[..., 1:])


@dataclass(frozen=True)
class Rouge1(_RougeN):
    """ROUGE-1: F1 over the words of prediction and reference, averaged over studies.

    Words are runs of a–z and 0–9 of the lower-cased text. ``stem`` reduces words of more than three
    letters to their Porter stems, as RadEval does. The hub's ``evaluate`` prints the median of
    1,000 unseeded bootstrap means instead of the mean, which moves from run to run.

    >>> Rouge1().score(["No effusion."], ["no pleural effusion"])
    {'rouge1': 0.8}
    """

    info: ClassVar[MetricInfo] = MetricInfo("rouge1", (Output("rouge1"),), 1, _EMPTY, _SOURCE)
    order: ClassVar[int] = 1


@dataclass(frozen=True)
class Rouge2(_RougeN):
    """ROUGE-2: F1 over pairs of neighbouring words, averaged over studies; else as ROUGE-1.

    >>> Rouge2().score(["no effusion seen"], ["no effusion"])
    {'rouge2': 0.6666666666666666}
    """

    info: ClassVar[MetricInfo] = MetricInfo("rouge2", (Output("rouge2"),), 1, _EMPTY, _SOURCE)
    order: ClassVar[int] = 2


@dataclass(frozen=True)
class RougeL(Metric):
    """ROUGE-L: F score of the longest common subsequence of words, averaged over studies.

    With ``tokens="rouge"`` as rouge-score computes it: several references give the best F1. With
    ``tokens="ptb"`` as coco-caption does (its β is 1.2): precision and recall take their maxima
    over the references separately, and an empty text counts as one empty word, so that two empty
    texts score 1.

    >>> RougeL().score(["no effusion or edema"], ["no edema or effusion"])
    {'rougeL': 0.5}
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        "rougeL",
        (Output("rougeL"),),
        1,
        "0 if either side has no token, both included; with tokens ptb, two empty texts score 1",
        "Lin 2004; google-research rouge-score 0.1.2 (plain mean); pycocoevalcap 1.2",
    )
    treatment: str = "raw"
    stem: bool = False
    tokens: str = "rouge"
    beta: float = 1.0

    def __post_init__(self) -> None:
        if self.tokens not in ("rouge", "ptb"):
            raise InputError(f"ROUGE-L has no tokens {self.tokens!r}. Known: rouge, ptb.")
        if self.stem and self.tokens == "ptb":
            raise InputError('ROUGE-L stems only with tokens "rouge". Leave out one of the two.')

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 2): the sample's F score, and 1."""
        tokens = "stemmed" if self.stem else self.tokens
        pairs = _pairs(samples.prepared(self.treatment), tokens)
        common = _common_lengths(pairs.predictions, pairs.references)
        precision = ratio(common, pairs.predicted.astype(float), 0.0)
        recall = ratio(common, pairs.referenced.astype(float), 0.0)
        if self.tokens == "ptb":
            scores = _f_score(pairs.best(precision), pairs.best(recall), self.beta)
        else:
            scores = pairs.best(_f_score(precision, recall, self.beta))
        return _mean_rows(scores)

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean F score."""
        return ratio(totals[..., :1], totals[..., 1:])


@dataclass(frozen=True)
class _Pairs:
    """Token ids of every (prediction, reference) pair, and which pairs belong to a sample."""

    predictions: Sequence[IdArray]
    references: Sequence[IdArray]
    predicted: IdArray
    referenced: IdArray
    firsts: IdArray

    def best(self, scores: FloatArray) -> FloatArray:
        """Return the largest of each sample's pair scores."""
        largest: FloatArray = np.maximum.reduceat(scores, self.firsts, axis=0)
        return largest


def _pairs(samples: Samples, tokens: str) -> _Pairs:
    encode = _vocabulary(tokens).encode
    predictions = samples.map_predictions(("rouge", tokens), encode)
    references = samples.map_references(("rouge", tokens), encode)
    counts = samples.reference_counts
    repeated = [predictions[i] for i in np.repeat(np.arange(len(counts)), counts).tolist()]
    firsts = np.cumsum(counts) - counts
    return _Pairs(repeated, references, lengths_of(repeated), lengths_of(references), firsts)


_scored: WeakKeyDictionary[Texts, dict[bool, tuple[TestSet, FloatArray]]] = WeakKeyDictionary()


def _n_gram_scores(samples: Samples, stem: bool) -> FloatArray:
    """Return F1 over words and over word pairs, shape (n, 2), counted once for both metrics."""
    known = _scored.setdefault(samples.prediction_texts, {})
    if stem not in known or known[stem][0] is not samples.test_set:
        pairs = _pairs(samples, "stemmed" if stem else "rouge")
        ones = np.ones_like(pairs.predicted)
        found = clipped_matches(pairs.predictions, pairs.references, ones, 2)
        precision = ratio(found, totals(pairs.predicted, 2), 0.0)
        recall = ratio(found, totals(pairs.referenced, 2), 0.0)
        known[stem] = samples.test_set, pairs.best(_f_score(precision, recall))
    return known[stem][1]


def _common_lengths(
    predictions: Sequence[IdArray], references: Sequence[IdArray]
) -> NDArray[np.float64]:
    """Return the length of each pair's longest common subsequence."""
    from rapidfuzz.distance.LCSseq import similarity

    pairs = zip(predictions, references, strict=True)
    lengths = (similarity(one.tolist(), other.tolist()) for one, other in pairs)
    return np.fromiter(lengths, np.float64, len(predictions))


def _f_score(precision: FloatArray, recall: FloatArray, beta: float = 1.0) -> FloatArray:
    weight = beta * beta
    return ratio((1 + weight) * precision * recall, recall + weight * precision, 0.0)


def _mean_rows(scores: FloatArray) -> FloatArray:
    return np.column_stack((scores, np.ones_like(scores)))


_CUTTERS: dict[str, tuple[Callable[[str], list[str]], Callable[[str], Sequence[str]]]] = {
    "rouge": (tokens_rouge.words, tokens_rouge.tokens),
    "stemmed": (tokens_rouge.words, tokens_rouge.stemmed_tokens),
    "ptb": (lambda text: tokens_ptb.line(text).split(" "), lambda word: (word,)),
}


@cache
def _vocabulary(tokens: str) -> Vocabulary:
    """Return the process' one vocabulary for a way to cut texts."""
    return Vocabulary(*_CUTTERS[tokens])
