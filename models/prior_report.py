"""The prior-report baseline: nothing has changed since last time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from models.adapter import FALLBACK, Adapter, Generation, Request
from models.constant import NORMAL_REPORT


@dataclass(frozen=True)
class PriorReportOptions:
    """The options of the baseline."""

    fallback: str = NORMAL_REPORT
    """What a study without a prior report gets."""


class PriorReport(Adapter):
    """The report of the patient's prior study, copied; a fixed text where there is none.

    The finish reason is ``stop`` for a copied report and ``fallback`` for the fixed text.
    """

    Options: ClassVar[type[PriorReportOptions]] = PriorReportOptions
    uses_prior: ClassVar[bool] = True

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        """Return each request's prior report."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Generation:
        if request.prior_report and request.prior_report.strip():
            return Generation(request.prior_report)
        return Generation(self.options.fallback, FALLBACK)
