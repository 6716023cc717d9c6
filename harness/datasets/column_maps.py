"""Which table each ``FIELD=COLUMN`` is for: that of studies, those of predictions, or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.datasets.csv_table import FIELD_NAMES, is_field
from harness.datasets.detection import is_table
from harness.datasets.prediction_table import ID_FIELDS, PREDICTION_FIELDS
from harness.datasets.study_set import BYTES_PER_MB
from harness.datasets.table_rows import shown_columns, table_header
from harness.errors import InputError
from harness.suggest import suggestion
from metrics.files.quoting import quoted


@dataclass(frozen=True)
class ColumnMaps:
    """From our fields to columns, for the studies and for each file of predictions."""

    references: Mapping[str, str] = field(default_factory=dict)
    predictions: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Table:
    path: Path
    header: Sequence[str]
    columns: dict[str, str] = field(default_factory=dict)


def column_maps(
    given: Sequence[str], references: Path, predictions: Sequence[Path], max_line_mb: float = 8
) -> ColumnMaps:
    """Return the map of every table.

    Fields of predictions are for tables of predictions, fields of studies for that of studies,
    and ids for both; each goes to the tables that have the column.

    Raises
    ------
    InputError
        If one is not ``FIELD=COLUMN``, its field is unknown, no table has its column, or a table
        has two columns for a field.
    """
    if not given:
        return ColumnMaps()
    limit = int(max_line_mb * BYTES_PER_MB)
    studies = _tables([references], limit)
    answers = _tables(predictions, limit)
    for one in given:
        name, column = _pair(one)
        if name in PREDICTION_FIELDS:
            _assign(one, name, column, answers, "no file of predictions is a table")
        elif name in ID_FIELDS:
            _assign(one, name, column, [*studies, *answers], "no file is a table")
        else:
            _assign(one, name, column, studies, f"{references} is no table")
    return ColumnMaps(
        studies[0].columns if studies else {}, {table.path: table.columns for table in answers}
    )


def _tables(paths: Sequence[Path], max_line_bytes: int) -> list[_Table]:
    return [
        _Table(path, table_header(path, max_line_bytes))
        for path in dict.fromkeys(paths)
        if is_table(path)
    ]


def _pair(one: str) -> tuple[str, str]:
    name, equals, column = one.partition("=")
    if not equals or not name or not column:
        raise InputError(f"--column {one!r}: write FIELD=COLUMN, such as findings=text.")
    if name not in PREDICTION_FIELDS and not is_field(name):
        known = [*PREDICTION_FIELDS, *FIELD_NAMES]
        raise InputError(f"--column {one!r}: unknown field {name!r}. {suggestion(name, known)}")
    return name, column


def _assign(one: str, name: str, column: str, tables: Sequence[_Table], without: str) -> None:
    if not tables:
        raise InputError(f"--column {one!r}: {without} (CSV or TSV). Leave it out.")
    holders = [table for table in tables if column in table.header]
    if not holders:
        there = "; ".join(f"{table.path} has {shown_columns(table.header)}" for table in tables)
        raise InputError(
            f"--column {one!r}: no column {quoted(column)}. {there}. Name one of them."
        )
    for table in holders:
        first = table.columns.setdefault(name, column)
        if first != column:
            raise InputError(
                f"--column {one!r}: {table.path} has {quoted(first)} for {name} already. Keep one."
            )
