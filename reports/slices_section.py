"""Scores of slices: per metric a block of rows (values), with one column per system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from reports.leaderboard_section import ScoreCell, score_cell
from reports.report_data import ReportData, SliceScores
from reports.score_columns import defined_columns


@dataclass(frozen=True)
class SliceRow:
    """One value of a slice with a cell per system."""

    value: str
    n: int
    cells: list[ScoreCell]


@dataclass(frozen=True)
class SliceTable:
    """One slice: (metric, rows) blocks, of which the page shows one at a time."""

    name: str
    blocks: list[tuple[str, list[SliceRow]]]


def slice_tables(data: ReportData) -> list[SliceTable]:
    """Return the slices in the order given."""
    return [
        _table(name, list(group), data)
        for name, group in groupby(data.slices, key=lambda one: one.slice_name)
    ]


def _table(name: str, values: Sequence[SliceScores], data: ReportData) -> SliceTable:
    metrics = dict.fromkeys(column.metric for column in defined_columns(data.table))
    blocks = [(metric, _rows(metric, values, data)) for metric in metrics]
    return SliceTable(name, blocks)


def _rows(metric: str, values: Sequence[SliceScores], data: ReportData) -> list[SliceRow]:
    return [
        SliceRow(
            one.value,
            one.n,
            [
                score_cell(one.table.get(system, {}).get(metric), one.n)
                for system in data.table.systems
            ],
        )
        for one in values
    ]
