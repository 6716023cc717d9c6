"""The temporal section: keyword overlap, directions of change, invented priors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from reports.leaderboard_section import ColumnHead, ScoreCell, column_head, score_cell
from reports.number_format import interval, shown
from reports.report_data import NOT_MENTIONED, DirectionTable, HallucinationRow, ReportData
from reports.score_columns import Column, defined_columns

_SHADES = 5


@dataclass(frozen=True)
class CountCell:
    """A count of a confusion table; ``shade`` 0–5 grows with its share of the row.

    ``count`` is None where nothing is counted: what neither side mentions.
    """

    count: int | None
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
    columns = [c for c in defined_columns(data.table) if c.output.startswith("temporal_")]
    directions = data.temporal.directions if data.temporal else ()
    hallucination = data.temporal.hallucination if data.temporal else ()
    if not (columns or directions or hallucination):
        return None
    heads = [column_head(column, None, data) for column in columns]
    n = data.table.n
    return TemporalView(
        columns=heads,
        rows=[
            (name, [score_cell(head.column.of(system), head.usual(n)) for head in heads])
            for name, system in data.table.systems.items()
        ],
        present=_present(columns, data),
        confusion=[_confusion(one) for one in directions],
        hallucination=[
            (system, [_line(row) for row in rows])
            for system, rows in groupby(hallucination, key=lambda row: row.system)
        ],
    )


def _present(columns: list[Column], data: ReportData) -> tuple[int, int] | None:
    for column in columns:
        if column.output == "temporal_f1_present":
            found = [column.of(system) for system in data.table.systems.values()]
            return next(((score.n, data.table.n) for score in found if score), None)
    return None


def _confusion(table: DirectionTable) -> ConfusionTable:
    rows = []
    for change, counts in zip(table.changes, table.counts, strict=True):
        pairs = list(zip(table.changes, counts, strict=True))
        total = sum(number for said, number in pairs if not _neither(change, said))
        cells = [_count(change, said, number, total) for said, number in pairs]
        rows.append((change, cells, total))
    return ConfusionTable(table.system, list(table.changes), rows)


def _neither(change: str, said: str) -> bool:
    return change == said == NOT_MENTIONED


def _count(change: str, said: str, number: int, total: int) -> CountCell:
    if _neither(change, said):
        return CountCell(None, 0, False)
    return CountCell(number, round(_SHADES * number / total) if total else 0, change == said)


def _line(row: HallucinationRow) -> HallucinationLine:
    return HallucinationLine(
        stratum=row.stratum,
        n=row.score.n,
        rate=shown(row.score.score, row.score.percent),
        interval=interval(row.score),
        references=shown(row.references, row.score.percent),
    )
