"""Predictions in a CSV or TSV table, one row each, with a map of columns where names differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.datasets.table_rows import no_column, refuse_not_a_number, shown_columns, table_rows
from harness.errors import InputError
from harness.suggest import suggestion
from metrics.files.quoting import quoted
from metrics.files.report_files import PREDICTION_KEYS, PredictionLine
from metrics.files.sample_ids import ID_KEYS, line_id

ID_FIELDS = ("sample_id", "study_id")
"""The ids that a map of columns may name; they say which study a row is of."""
PREDICTION_FIELDS = ("prediction", "finish_reason", "tokens", "prior")
"""The other fields that it may name; no table of studies has them."""


def read_table(
    path: Path, columns: Mapping[str, str], max_line_bytes: int
) -> Iterator[PredictionLine]:
    """Yield the predictions of a table.

    Columns are known by our names or by ``columns``, from ours to theirs. An empty cell is an
    absent value, but an empty prediction is an empty report.

    Raises
    ------
    InputError
        If a column that is needed or that the map names is not there, or a cell is wrong.
    """
    refuse_unknown_fields(columns, f"columns for {path}")
    theirs: dict[str, str] = {}
    for line, row in table_rows(path, max_line_bytes):
        if not theirs:
            theirs = _columns(path, row, columns)
        place = f"{path} line {line}"
        field = next(name for name in PREDICTION_KEYS if name in theirs)
        text = row[theirs[field]]
        refuse_not_a_number(text, theirs[field], place)
        cells = {name: row[column] for name, column in theirs.items()}
        record = {name: cell for name, cell in cells.items() if cell or name == field}
        yield PredictionLine(line_id(record, place), text, line, _with_numbers(record))


def refuse_unknown_fields(columns: Mapping[str, str], place: str) -> None:
    """Raise InputError if a map of columns names no field of predictions."""
    known = (*ID_FIELDS, *PREDICTION_FIELDS)
    for name in columns:
        if name not in known:
            raise InputError(
                f"{place}: unknown field of predictions {quoted(name)}. {suggestion(name, known)}"
            )


def _columns(path: Path, row: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return the column of each field; a column that the map names has no other meaning."""
    for field, column in columns.items():
        if column not in row:
            raise InputError(
                f"{path} line 1: no column {quoted(column)}, which columns gives for {field}. "
                f"Name one of {shown_columns(row)}."
            )
    taken = set(columns.values())
    found = {**{name: name for name in row if name not in taken}, **columns}
    for wanted, field in ((ID_KEYS, "study_id"), (PREDICTION_KEYS, "prediction")):
        if not any(name in found for name in wanted):
            known = {*taken, *ID_KEYS, *PREDICTION_KEYS, *PREDICTION_FIELDS}
            raise no_column(path, wanted, row, field, [name for name in row if name not in known])
    return found


def _with_numbers(record: Mapping[str, str]) -> dict[str, Any]:
    """Return the cells with the one number among our fields read as such."""
    tokens = record.get("tokens", "")
    return {**record, "tokens": int(tokens)} if tokens.isdecimal() else dict(record)
