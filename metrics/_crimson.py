"""CRIMSON: credit for findings by their clinical significance, as a language model lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from metrics.judges.judged import JudgedMetric, judged_outputs
from metrics.judges.kinds import CRIMSON, CRIMSON_STYLE, Kind
from metrics.metric import MetricInfo

_SOURCE = "pypi.org/project/crimson-score 0.2.0"
_EMPTY = "is judged like any text; no abnormal finding on either side: 1"


@dataclass(frozen=True)
class Crimson(JudgedMetric):
    """CRIMSON: matched findings less invented ones, weighed by what they mean for the patient.

    A judge lists the abnormal findings of both reports with their clinical significance, matches
    them and notes errors; the arithmetic is `score_crimson`'s, from -1 to 1. The question is the
    published one, which the user brings (docs/metrics/judges.md). Errors are the share of samples
    without a verdict. Several references: the best one.

    Source: crimson-score 0.2.0 (rajpurkarlab).
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="crimson",
        outputs=judged_outputs("crimson", bounds=(-1.0, 1.0)),
        version=1,
        empty=_EMPTY,
        source=_SOURCE,
    )
    kind: ClassVar[Kind] = CRIMSON


@dataclass(frozen=True)
class CrimsonStyle(JudgedMetric):
    """CRIMSON's arithmetic with a question of our own words; not comparable to ``crimson``."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="crimson_style",
        outputs=judged_outputs("crimson_style", bounds=(-1.0, 1.0)),
        version=1,
        empty=_EMPTY,
        source=f"the arithmetic: {_SOURCE}; the question: ours",
    )
    kind: ClassVar[Kind] = CRIMSON_STYLE
