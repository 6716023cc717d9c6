"""GREEN: matched findings against significant errors, as a language model counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from metrics.judges.judged import JudgedMetric, judged_outputs
from metrics.judges.kinds import GREEN, GREEN_STYLE, Kind
from metrics.metric import MetricInfo

_SOURCE = "github.com/Stanford-AIMI/GREEN"
_EMPTY = "is judged like any text"


@dataclass(frozen=True)
class Green(JudgedMetric):
    """GREEN: matched findings over matched findings and clinically significant errors.

    A judge is shown the first 300 words of both reports and counts six kinds of error and matched
    findings. The question is the published one, which the user brings (docs/metrics/judges.md);
    a folder that holds one of GREEN's own models is asked as they were trained. Errors are the
    share of samples without a verdict: where the published code reads a missing section or an
    unreadable count as 0, the judge is asked again, and then the sample has no score. Several
    references: the best one.

    Source: Ostmeier et al. 2024, "GREEN: Generative Radiology Report Evaluation and Error
    Notation" (arXiv 2405.03595).
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="green", outputs=judged_outputs("green"), version=1, empty=_EMPTY, source=_SOURCE
    )
    kind: ClassVar[Kind] = GREEN


@dataclass(frozen=True)
class GreenStyle(JudgedMetric):
    """GREEN's counts and formula with a question of our own words; not comparable to ``green``.

    Everything else is as in `Green`.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="green_style",
        outputs=judged_outputs("green_style"),
        version=1,
        empty=_EMPTY,
        source=f"the formula: {_SOURCE}; the question: ours",
    )
    kind: ClassVar[Kind] = GREEN_STYLE
