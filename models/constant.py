"""The constant baseline: one report for every study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from models.adapter import Adapter, Generation, Request

NORMAL_REPORT = (
    "The lungs are clear. There is no focal consolidation, pleural effusion or pneumothorax. "
    "The heart size and the mediastinal contours are normal. No acute bone abnormality is seen."
)
"""A normal report in the field's usual phrases, worded by us."""


@dataclass(frozen=True)
class ConstantOptions:
    """The options of the baseline."""

    text: str = NORMAL_REPORT
    """What every study gets."""


class Constant(Adapter):
    """The same normal report for every study: what a score is worth without looking."""

    Options: ClassVar[type[ConstantOptions]] = ConstantOptions

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        """Return the text once per request."""
        return [Generation(self.options.text) for _ in requests]
