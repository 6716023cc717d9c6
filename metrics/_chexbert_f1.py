"""CheXbert F1: agreement of the 14 CheXpert conditions of two reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from metrics.annotators.chexbert import CheXbertAnnotation
from metrics.conditions import AVERAGES, CONDITIONS, FIVE, is_present, snake_case
from metrics.errors import InputError
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.precision import FLOAT32, check_precision, with_precision
from metrics.samples import Samples

_N = len(CONDITIONS)
_COUNTS = 3 * _N  # true positives, false positives and false negatives of each condition
_READINGS = ("positive", "negative")
TABLE_COLUMNS = ("precision", "recall", "f1", "prevalence")
"""What `condition_table` says of each condition."""


@dataclass(frozen=True)
class ChexbertF1(Metric):
    """F1 of the conditions that CheXbert finds in prediction and reference.

    Micro, macro (mean over conditions), weighted (by how often the references have a condition)
    and sample-averaged F1, over all 14 conditions and over the five that CheXpert competes on; F1
    of each condition; and the share of studies whose five conditions all agree. A condition
    is there if it is positive or uncertain; with ``uncertain`` "negative", only if it is positive.
    Blank and negative are the same. What is 0 divided by 0 is 0, as published, so a condition
    that neither side has pulls macro F1 down, and two reports without a condition have
    sample F1 0. Several references: a condition is there if one of them has it.

    By study, micro F1 is the study's own F1; a condition's F1 is 1 or 0 where a side has it.

    ``precision`` "bfloat16" or "int8" (CPU only) rounds the products of the model that reads; its
    annotations then deviate from the official ones, as docs/performance.md measures, and the
    signature says so.

    Source: f1chexbert 0.0.2, which prints scikit-learn's classification report; Smit et al. 2020
    (arXiv 2004.09167).
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="chexbert",
        outputs=(
            *(
                # over conditions: one study has them or not
                Output(f"chexbert_{average}_f1_{n}", by_sample=average in ("micro", "samples"))
                for n in (14, 5)
                for average in AVERAGES
            ),
            *(Output(f"chexbert_f1_{snake_case(condition)}") for condition in CONDITIONS),
            Output("chexbert_accuracy_5"),
        ),
        version=1,
        empty="is labelled like any text, by the model's answer to its start and end marks",
        source="pypi.org/project/f1chexbert 0.0.2",
    )
    uncertain: str = "positive"
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        if self.uncertain not in _READINGS:
            raise InputError(
                f"uncertain is {self.uncertain!r}. Write one of {', '.join(_READINGS)}."
            )
        check_precision(self.precision)

    @property
    def annotators(self) -> tuple[str, ...]:
        """The labeller."""
        return (with_precision("chexbert", self.precision),)

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 46).

        True positives, false positives and false negatives of each condition; the study's F1 over
        14 and over five conditions; whether the five agree; 1.
        """
        predictions, references = samples.annotations(self.annotators[0])
        found = self._present(predictions)
        starts = np.cumsum(samples.reference_counts) - samples.reference_counts
        wanted = np.logical_or.reduceat(self._present(references), starts, axis=0)
        counts = np.hstack([found & wanted, found & ~wanted, ~found & wanted]).astype(float)
        agree = np.take(found == wanted, FIVE, axis=1).all(axis=1)
        overlaps = [_pooled_f1(*parts) for parts in (_split(counts), _split(counts, FIVE))]
        return np.column_stack((counts, *overlaps, agree, np.ones(len(samples))))

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the scores, shape (..., 23)."""
        means = ratio(totals[..., _COUNTS:-1], totals[..., -1:])
        groups = [_split(totals), _split(totals, FIVE)]
        averages = [
            column
            for i, parts in enumerate(groups)
            for column in (_pooled_f1(*parts), *_averaged_f1(*parts), means[..., i])
        ]
        return np.concatenate(
            (np.stack(averages, axis=-1), _f1(*groups[0]), means[..., 2:]), axis=-1
        )

    def per_sample(self, statistics: FloatArray) -> FloatArray:
        """Return each study's own scores; macro and weighted F1 are undefined for one study."""
        scores = self.reduce(statistics)
        averages = len(AVERAGES)
        scores[:, [1, 2, averages + 1, averages + 2]] = np.nan
        conditions = scores[:, 2 * averages : 2 * averages + _N]
        conditions[sum(_split(statistics)) == 0] = np.nan
        return scores

    def _present(self, annotations: Sequence[CheXbertAnnotation]) -> NDArray[np.bool_]:
        labels = np.array([one.labels for one in annotations], np.int8).reshape(-1, _N)
        return is_present(labels, self.uncertain == "positive")


def condition_table(totals: FloatArray) -> FloatArray:
    """Return what summed statistics of `ChexbertF1` say of each condition.

    Precision, recall and F1 are 0 where they are undefined, as published; prevalence is the share
    of studies whose reference has the condition.

    Parameters
    ----------
    totals
        Sums of statistics, shape (..., 46); of resamples, say, for intervals.

    Returns
    -------
    FloatArray
        Shape (..., 14, 4), in the order of `CONDITIONS` and `TABLE_COLUMNS`.
    """
    hits, invented, missed = _split(totals)
    columns = (
        ratio(hits, hits + invented, 0.0),
        ratio(hits, hits + missed, 0.0),
        _f1(hits, invented, missed),
        ratio(hits + missed, totals[..., -1:]),
    )
    return np.stack(columns, axis=-1)


def _split(
    totals: FloatArray, chosen: Sequence[int] = tuple(range(_N))
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return true positives, false positives and false negatives of the chosen conditions."""
    hits, invented, missed = (
        np.take(totals[..., start : start + _N], chosen, axis=-1) for start in (0, _N, 2 * _N)
    )
    return hits, invented, missed


def _f1(hits: FloatArray, invented: FloatArray, missed: FloatArray) -> FloatArray:
    return ratio(2 * hits, 2 * hits + invented + missed, 0.0)


def _pooled_f1(*parts: FloatArray) -> FloatArray:
    hits, invented, missed = (part.sum(axis=-1) for part in parts)
    return _f1(hits, invented, missed)


def _averaged_f1(
    hits: FloatArray, invented: FloatArray, missed: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return macro and weighted F1."""
    scores, support = _f1(hits, invented, missed), hits + missed
    weighted = ratio((scores * support).sum(axis=-1), support.sum(axis=-1), 0.0)
    return scores.mean(axis=-1), weighted
