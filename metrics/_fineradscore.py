"""FineRadScore-style: how grave the corrections are that a report needs."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from metrics.errors import InputError
from metrics.judges.judged import JudgedMetric, judged_outputs
from metrics.judges.kinds import FINERADSCORE_STYLE, Kind
from metrics.metric import MetricInfo

_TOTALS = {"sum": sum, "max": lambda severities: max(severities, default=0)}


@dataclass(frozen=True)
class FineRadScoreStyle(JudgedMetric):
    """Severities, 1 to 4, of the corrections that turn the prediction into the reference.

    A judge lists the fewest corrections; ``total`` "sum" adds their severities, "max" takes the
    gravest. 0 needs no correction; lower is better. The question is in our own words, after the
    paper, so numbers are not those of the paper. Errors are the share of samples without a
    verdict. Several references: the best one.

    Source: Huang et al. 2024, "FineRadScore" (arXiv 2405.20613).
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="fineradscore_style",
        outputs=judged_outputs("fineradscore_style", direction="lower", bounds=(0.0, inf)),
        version=1,
        empty="is judged like any text",
        source="arXiv 2405.20613; the question: ours",
    )
    kind: ClassVar[Kind] = FINERADSCORE_STYLE
    total: str = "sum"

    def __post_init__(self) -> None:
        if self.total not in _TOTALS:
            raise InputError(f"total is {self.total!r}. Write one of {', '.join(_TOTALS)}.")

    def _own_settings(self) -> list[str]:
        return [f"total:{self.total}"]

    def _score(self, verdict: Any) -> float:
        return float(_TOTALS[self.total](verdict))
