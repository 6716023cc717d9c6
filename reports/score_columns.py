"""Columns of score tables: one per metric, and one more for every other signature of it."""

from __future__ import annotations

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
