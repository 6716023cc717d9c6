"""Columns of score tables: one per metric, and one more for every other signature of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from metrics.results import Score, ScoreTable, SystemScores


@dataclass(frozen=True)
class Column:
    """Scores that may be compared: the same metric with the same signature.

    ``tag`` is empty for the first signature of a metric and `` [signature]`` for further ones, so
    that numbers of different definitions never stand in one column.
    """

    metric: str
    signature: str
    tag: str
    percent: bool
    higher_is_better: bool

    @property
    def name(self) -> str:
        """The header: the metric's name, and the signature where it is not the first."""
        return f"{self.metric}{self.tag}"

    def of(self, system: SystemScores) -> Score | None:
        """Return the system's score if it belongs into this column."""
        score = system.metrics.get(self.metric)
        return score if score is not None and score.signature == self.signature else None

    @property
    def output(self) -> str:
        """The metric's name without the protocol in front of it."""
        return self.metric.rpartition("/")[2]

    @property
    def is_of_test_set(self) -> bool:
        """Whether the number describes the references, so that no system is better at it."""
        return self.output == "prior_hallucination_references"


def score_columns(tables: Iterable[ScoreTable]) -> list[Column]:
    """Return the columns over all systems, metrics in order of first appearance."""
    found: dict[str, dict[str, Column]] = {}
    for table in tables:
        for system in table.systems.values():
            for metric, score in system.metrics.items():
                of_metric = found.setdefault(metric, {})
                if score.signature not in of_metric:
                    tag = f" [{score.signature}]" if of_metric else ""
                    of_metric[score.signature] = Column(
                        metric, score.signature, tag, score.percent, score.higher_is_better
                    )
    return [column for of_metric in found.values() for column in of_metric.values()]


def defined_columns(table: ScoreTable) -> list[Column]:
    """Return the columns in which at least one system has a score."""
    return [column for column in score_columns([table]) if _is_defined(column, table)]


def undefined_columns(table: ScoreTable) -> list[Column]:
    """Return the columns that are undefined for every system."""
    return [column for column in score_columns([table]) if not _is_defined(column, table)]


def _is_defined(column: Column, table: ScoreTable) -> bool:
    found = (column.of(system) for system in table.systems.values())
    return any(score is not None and math.isfinite(score.score) for score in found)
