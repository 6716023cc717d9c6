"""CIDEr-D: consensus of tf-idf weighted n-grams, as coco-caption computes it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import ClassVar, Self

import numpy as np

from metrics.document_frequency import DocumentFrequency
from metrics.errors import InputError
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.samples import Samples
from metrics.tokens import ptb as tokens_ptb
from metrics.tokens.ngrams import Batch, Runs
from metrics.tokens.vocabulary import IdArray, Vocabulary

_ORDER = 4
_KEY = "cider"


@dataclass(frozen=True)
class Cider(Metric):
    """CIDEr-D with n 4 and σ 6, times 10, averaged over studies.

    N-grams are weighted by how few samples' references have them. These weights come from all
    references of the test set, once, in ``fit``; subsets and resamples keep them. Several
    references: the mean over them. The length in the Gaussian penalty is the number of *pairs* of
    neighbouring tokens, as in the original's code. A set of a single sample scores 0, since all
    its weights are 0.

    Source: Vedantam et al. 2015; pycocoevalcap 1.2 ``cider_scorer.py``, corpus document
    frequencies, after its PTB tokenisation.

    >>> round(Cider().score(["no effusion", "clear lungs"], ["no effusion", "edema"])["cider"], 6)
    2.5
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="cider",
        outputs=(Output("cider", bounds=(0.0, 10.0)),),
        version=1,
        empty="0 if either side is empty, both included",
        source="Vedantam et al., CVPR 2015; pycocoevalcap 1.2",
    )
    treatment: str = "raw"
    sigma: float = 6.0
    frequency: DocumentFrequency | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise InputError(f"CIDEr-D's sigma must be above 0; it is {self.sigma}.")

    def fit(self, samples: Samples) -> Self:
        """Return the metric with the n-gram weights of all references of ``samples``."""
        texts = samples.prepared(self.treatment)
        references = texts.map_references(_KEY, _vocabulary().encode)
        fitted = replace(self)
        frequency = DocumentFrequency.of(
            references, samples.reference_counts, _vocabulary(), _ORDER
        )
        object.__setattr__(fitted, "frequency", frequency)
        return fitted

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 2): the sample's CIDEr-D, and 1.

        Raises
        ------
        InputError
            If the metric has not been fitted.
        """
        if self.frequency is None:
            raise InputError(
                "CIDEr-D has no n-gram weights yet. Call fit with the whole test set first."
            )
        texts = samples.prepared(self.treatment)
        encode = _vocabulary().encode
        counts = samples.reference_counts
        batch = Batch.of(
            texts.map_predictions(_KEY, encode), texts.map_references(_KEY, encode), counts
        )
        scores = _sample_scores(batch, self.frequency, counts, self.sigma)
        return np.column_stack((scores, np.ones_like(scores)))

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean CIDEr-D."""
        return ratio(totals[..., :1], totals[..., 1:])


def _sample_scores(
    batch: Batch, frequency: DocumentFrequency, counts: IdArray, sigma: float
) -> FloatArray:
    n = len(counts)
    similarity = np.zeros((len(batch.lengths), _ORDER))
    found = batch.words()
    for order, weights in enumerate(frequency.weights(batch, _vocabulary())):
        similarity[:, order] = _cosines(batch, found, weights)
        found = batch.longer(found, np.ones(len(found.groups), bool))
    pairs = np.maximum(batch.lengths - 1, 0)
    difference = (np.repeat(pairs[:n], counts) - pairs[n:]).astype(float)
    penalty = np.exp(-(difference**2) / (2 * sigma**2))
    per_reference = similarity[n:].mean(axis=1) * penalty
    return 10 * np.bincount(np.repeat(np.arange(n), counts), per_reference, n) / counts


def _cosines(batch: Batch, found: Runs, weights: FloatArray) -> FloatArray:
    """Return the clipped cosine of each reference text with its prediction, 0 for predictions.

    Sums run over n-grams in the order in which the texts have them, so that the last digit does
    not depend on what else is in the batch.
    """
    first = found.first
    value = found.counts * weights[first]
    text = batch.text[first]
    by_place = np.argsort(first)
    squares = np.bincount(text[by_place], value[by_place] ** 2, len(batch.lengths))
    predicted = np.where(found.sides == 0, np.arange(len(first)), -1)[found.groups][found.group]
    shared = np.flatnonzero((found.sides > 0) & (predicted >= 0))
    shared = shared[np.argsort(first[predicted[shared]])]
    products = np.minimum(value[predicted[shared]], value[shared]) * value[shared]
    dots = np.bincount(text[shared], products, len(batch.lengths)).astype(float)
    norms: FloatArray = np.sqrt(squares)
    prediction = np.zeros(len(batch.lengths), np.int64)
    prediction[text] = batch.sample[first]
    return ratio(dots, norms * norms[prediction], 0.0)


@cache
def _vocabulary() -> Vocabulary:
    """Return the process' one vocabulary of PTB tokens."""
    return Vocabulary(tokens_ptb.split_tokens, lambda word: (word,))
