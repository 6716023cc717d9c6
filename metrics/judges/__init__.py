"""Judges: language models that compare two reports; their verdicts and scores."""

from __future__ import annotations

from metrics.judges.crimson import score_crimson
from metrics.judges.green import parse_green, summarise

__all__ = ["parse_green", "score_crimson", "summarise"]
