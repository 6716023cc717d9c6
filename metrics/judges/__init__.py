"""Judges: language models that compare two reports; their verdicts and scores."""

from __future__ import annotations

from metrics.judges.crimson import score_crimson
from metrics.judges.green import parse_green, summarise
from metrics.judges.settings import JudgeSettings

__all__ = ["JudgeSettings", "parse_green", "score_crimson", "summarise"]
