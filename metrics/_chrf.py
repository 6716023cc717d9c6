"""chrF: F2 over character n-grams of orders 1 to 6."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.samples import Samples
from metrics.tokens.ngrams import clipped_matches, lengths_of, totals
from metrics.tokens.vocabulary import IdArray

_ORDER = 6
_BETA_SQUARED = 4.0


@dataclass(frozen=True)
class Chrf(Metric):
    """chrF of the corpus with sacreBLEU's defaults: character orders 1–6, β 2, no white space.

    Precision and recall of each order come from counts summed over the corpus and are averaged
    over the orders that both sides have. Several references: the sample counts with the one that
    scores best by itself, the first of equals.

    Source: Popović 2015; sacreBLEU 2.x ``CHRF()``, on the scale 0–1.

    >>> Chrf().score(["no effusion"], ["no effusion"])
    {'chrf': 1.0}
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="chrf",
        outputs=(Output("chrf"),),
        version=1,
        empty="0 if either side has no character but white space, both included",
        source="Popović, WMT 2015; sacrebleu CHRF",
    )
    treatment: str = "raw"

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 18): per order the prediction's n-grams, the reference's, matches."""
        texts = samples.prepared(self.treatment)
        predictions = texts.map_predictions("characters", _characters)
        references = texts.map_references("characters", _characters)
        counts = samples.reference_counts
        repeated = [predictions[i] for i in np.repeat(np.arange(len(counts)), counts).tolist()]
        matches = clipped_matches(repeated, references, np.ones(len(references), np.int64), _ORDER)
        wanted = totals(lengths_of(references), _ORDER)
        # n-grams of the prediction count only where the reference has any of that order
        given = np.where(wanted > 0, totals(lengths_of(repeated), _ORDER), 0.0)
        rows = np.stack((given, wanted, matches), axis=-1).reshape(len(references), 3 * _ORDER)
        return rows[_best_pair(self.reduce(rows)[:, 0], counts)]

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return chrF of summed counts."""
        given, wanted, matches = (totals[..., i::3] for i in range(3))
        usable = (given > 0) & (wanted > 0)
        orders = usable.sum(axis=-1).astype(float)
        precision = ratio(np.where(usable, ratio(matches, given, 0.0), 0.0).sum(-1), orders, 0.0)
        recall = ratio(np.where(usable, ratio(matches, wanted, 0.0), 0.0).sum(-1), orders, 0.0)
        score = ratio(
            (1 + _BETA_SQUARED) * precision * recall, _BETA_SQUARED * precision + recall, 0.0
        )
        return score[..., None]


def _characters(texts: list[str]) -> list[IdArray]:
    """Return the code points of each text without its white space."""
    stripped = ["".join(text.split()) for text in texts]
    # a lone surrogate is a character like any other here
    encoded = "".join(stripped).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(encoded, np.dtype("<u4")).astype(np.int64)
    bounds = [0, *np.cumsum([len(text) for text in stripped]).tolist()]
    return [points[start:end] for start, end in pairwise(bounds)]


def _best_pair(scores: FloatArray, counts: IdArray) -> IdArray:
    """Return, per sample, its pair of the highest score, the first of equals."""
    firsts = np.cumsum(counts) - counts
    if (counts == 1).all():
        return firsts
    best = np.repeat(np.maximum.reduceat(scores, firsts), counts)
    pairs = np.where(scores == best, np.arange(len(scores)), len(scores))
    first: IdArray = np.minimum.reduceat(pairs, firsts)
    return first
