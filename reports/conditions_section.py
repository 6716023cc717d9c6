"""CheXpert's conditions one by one: precision, recall and F1 of each system, and prevalence."""

from __future__ import annotations

from dataclasses import dataclass

from reports.leaderboard_section import ScoreCell, score_cell
from reports.report_data import ConditionRow, ReportData


@dataclass(frozen=True)
class ConditionCell:
    """A score as shown; ``by_rule`` where it is 0 only because 0 divided by 0 counts as 0."""

    score: ScoreCell
    by_rule: bool


@dataclass(frozen=True)
class ConditionLine:
    """One condition: counts of studies, and the scores of one system."""

    condition: str
    referenced: int
    predicted: int
    prevalence: ScoreCell
    precision: ConditionCell
    recall: ConditionCell
    f1: ConditionCell


@dataclass(frozen=True)
class ConditionsView:
    """A block of lines for each system, and the conditions that no reference has."""

    systems: list[tuple[str, list[ConditionLine]]]
    unseen: list[str]
    count: int


def conditions_view(data: ReportData) -> ConditionsView | None:
    """Return what the section shows; None where CheXbert F1 was not scored."""
    if not data.conditions:
        return None
    rows = data.conditions[0].rows
    return ConditionsView(
        [(table.system, [_line(row) for row in table.rows]) for table in data.conditions],
        [row.condition for row in rows if not row.referenced],
        len(rows),
    )


def _line(row: ConditionRow) -> ConditionLine:
    cells = {name: score_cell(score) for name, score in row.scores.items()}
    none_found, none_there = not row.predicted, not row.referenced
    return ConditionLine(
        row.condition,
        row.referenced,
        row.predicted,
        cells["prevalence"],
        ConditionCell(cells["precision"], none_found),
        ConditionCell(cells["recall"], none_there),
        ConditionCell(cells["f1"], none_found and none_there),
    )
