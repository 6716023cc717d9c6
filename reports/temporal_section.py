"""The temporal section: keyword overlap, directions of change, invented priors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from reports.leaderboard_section import ColumnHead, ScoreCell, column_head, score_cell
from reports.number_format import interval, shown
from reports.report_data import DirectionTable, HallucinationRow, ReportData
from reports.score_columns import Column, score_columns

_SHADES = 5


@dataclass(frozen=True)
class CountCell:
    """A count of a confusion table; ``shade`` 0–5 grows with its share of the row."""

    count: int
    shade: int
    diagonal: bool


@dataclass(frozen=True)
class ConfusionTable:
    """Rows are what the references say, columns what the system says."""

    system: str
    changes: list[str]
    rows: list[tuple[str, list[CountCell], int]]


@dataclass(frozen=True)
class HallucinationLine:
    """A system's rate in one stratum beside that of the references."""

    stratum: str
    n: int
    rate: str
    interval: str
    references: str


@dataclass(frozen=True)
class TemporalView:
    """What the section shows; ``present`` is (n of temporal_f1_present, n of the test set)."""

    columns: list[ColumnHead]
    rows: list[tuple[str, list[ScoreCell]]]
    present: tuple[int, int] | None
    confusion: list[ConfusionTable]
    hallucination: list[tuple[str, list[HallucinationLine]]]


def temporal_view(data: ReportData) -> TemporalView | None:
    """Return the section, or None where nothing temporal was scored."""
    columns = [c for c in score_columns([data.table]) if _name(c).startswith("temporal_")]
    directions = data.temporal.directions if data.temporal else ()
    hallucination = data.temporal.hallucination if data.temporal else ()
    if not (columns or directions or hallucination):
        return None
    return TemporalView(
        columns=[column_head(column, None, data) for column in columns],
        rows=[
            (name, [score_cell(column.of(system)) for column in columns])
            for name, system in data.table.systems.items()
        ],
        present=_present(columns, data),
        confusion=[_confusion(one) for one in directions],
        hallucination=[
            (system, [_line(row) for row in rows])
            for system, rows in groupby(hallucination, key=lambda row: row.system)
        ],
    )


def _name(column: Column) -> str:
    return column.metric.rpartition("/")[2]


def _present(columns: list[Column], data: ReportData) -> tuple[int, int] | None:
    for column in columns:
        if _name(column) == "temporal_f1_present":
            found = [column.of(system) for system in data.table.systems.values()]
            return next(((score.n, data.table.n) for score in found if score), None)
    return None


def _confusion(table: DirectionTable) -> ConfusionTable:
    rows = []
    for i, (change, counts) in enumerate(zip(table.changes, table.counts, strict=True)):
        total = sum(counts)
        cells = [
            CountCell(number, round(_SHADES * number / total) if total else 0, i == j)
            for j, number in enumerate(counts)
        ]
        rows.append((change, cells, total))
    return ConfusionTable(table.system, list(table.changes), rows)


def _line(row: HallucinationRow) -> HallucinationLine:
    return HallucinationLine(
        stratum=row.stratum,
        n=row.score.n,
        rate=shown(row.score.score, row.score.percent),
        interval=interval(row.score),
        references=shown(row.references, row.score.percent),
    )
