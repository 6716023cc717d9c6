"""SembScore: cosine of two reports' CheXbert vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics.annotators.chexbert import CheXbertAnnotation
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.precision import FLOAT32, check_precision, with_precision
from metrics.samples import Samples


@dataclass(frozen=True)
class SembScore(Metric):
    """Cosine of the vectors that CheXbert makes of prediction and reference, averaged.

    The vector is the last hidden state of the start mark; the cosine is not rescaled. Several
    references: the nearest one.

    ``precision`` "bfloat16" or "int8" (CPU only) rounds the products of the model that reads; its
    annotations then deviate from the official ones, as docs/performance.md measures, and the
    signature says so.

    Source: rajpurkarlab/CXR-Report-Metric; Yu et al. 2023, "Evaluating progress in automatic
    chest X-ray radiology report generation".
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="semb_score",
        outputs=(Output("semb_score", bounds=(-1.0, 1.0)),),
        version=1,
        empty="has the vector of a text without words; 1 if both sides are empty",
        source="github.com/rajpurkarlab/CXR-Report-Metric",
    )
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        check_precision(self.precision)

    @property
    def annotators(self) -> tuple[str, ...]:
        """The labeller whose vectors are compared."""
        return (with_precision("chexbert", self.precision),)

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 2): the study's cosine, and 1."""
        predictions, references = samples.annotations(self.annotators[0])
        counts = samples.reference_counts
        found = np.repeat(_directions(predictions), counts, axis=0)
        cosines = np.clip((found * _directions(references)).sum(axis=1), -1.0, 1.0)
        nearest = np.maximum.reduceat(cosines, np.cumsum(counts) - counts)
        return np.column_stack((nearest, np.ones_like(nearest)))

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean."""
        return ratio(totals[..., :1], totals[..., 1:])


def _directions(annotations: Sequence[CheXbertAnnotation]) -> FloatArray:
    """Return vectors of length 1, float64 (texts, dim)."""
    vectors = np.array([one.vector for one in annotations], np.float64)
    return ratio(vectors, np.sqrt((vectors**2).sum(axis=1, keepdims=True)), 0.0)
