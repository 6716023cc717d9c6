"""METEOR as NLTK computes it, averaged over studies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

import numpy as np

from metrics.meteor_alignment import VOCABULARY, Counts, count
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.samples import Samples

_ALPHA, _BETA, _GAMMA = 0.9, 3.0, 0.5
_PAIRS_AT_ONCE = 512  # bounds the memory; more at once is no faster


@dataclass(frozen=True)
class Meteor(Metric):
    """METEOR with α 0.9, β 3 and γ 0.5, averaged over studies; several references: the best.

    Words match if they are equal, have equal Porter stems, or the reference's stem is a WordNet
    synonym of the prediction's. Identical texts score below 1, since even one chunk is penalised.
    The hub's ``evaluate`` calls the same NLTK function.

    >>> Meteor().score(["Lungs are clear."], ["The lungs are clear."])
    {'meteor': 0.8099489795918368}
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        "meteor",
        (Output("meteor"),),
        1,
        "0 if either side is empty, both included",
        "Lavie and Agarwal 2007; NLTK 3.10 single_meteor_score with word_tokenize, WordNet 3.0",
    )
    treatment: str = "raw"

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 2): the sample's METEOR, and 1."""
        prepared = samples.prepared(self.treatment)
        predictions = prepared.map_predictions("meteor", VOCABULARY.encode)
        references = prepared.map_references("meteor", VOCABULARY.encode)
        counts = samples.reference_counts
        pairs = np.repeat(np.arange(len(counts)), counts).tolist()
        predicted = [predictions[i] for i in pairs]
        parts = [slice(i, i + _PAIRS_AT_ONCE) for i in range(0, len(pairs), _PAIRS_AT_ONCE)]
        scores = np.fromiter(
            chain.from_iterable(_scores(count(predicted[p], references[p])) for p in parts),
            np.float64,
            len(pairs),
        )
        best = np.maximum.reduceat(scores, np.cumsum(counts) - counts) if pairs else scores
        return np.column_stack((best, np.ones_like(best)))

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean METEOR."""
        return ratio(totals[..., :1], totals[..., 1:])


def _scores(pairs: Counts) -> list[float]:
    """Return METEOR of each pair, 0 where nothing matches, in NLTK's order of operations."""
    matches = pairs.matches.astype(float)
    precision = ratio(matches, pairs.predicted.astype(float), 0.0)
    recall = ratio(matches, pairs.referenced.astype(float), 0.0)
    mean = ratio(precision * recall, _ALPHA * precision + (1 - _ALPHA) * recall, 0.0)
    # Python's power, whose last bit NumPy's need not share.
    cubes = [part**_BETA for part in ratio(pairs.chunks.astype(float), matches, 0.0).tolist()]
    scores: list[float] = ((1 - _GAMMA * np.array(cubes)) * mean).tolist()
    return scores
