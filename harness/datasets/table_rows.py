"""Read the rows of a CSV or TSV file, with the line on which each begins."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.errors import InputError
from metrics.files.quoting import quoted
from metrics.files.text_lines import MAX_LINE_BYTES, text_lines

_NOT_A_NUMBER = ("nan", "NaN")
_MOST = 12


def table_rows(
    path: Path, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield every row by column name, with its first line; blank lines are skipped.

    A TSV file is split at tabs. Cells may hold line breaks inside quotes.

    Raises
    ------
    InputError
        If the file cannot be read, or a row does not fit the header.
    """
    rows = _rows(path, max_line_bytes)
    _, header = next(rows, (1, []))
    _check_header(path, header)
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{path} line {line}: {len(row)} cells under {len(header)} columns. "
                "Put texts with commas, quotes or line breaks in double quotes."
            )
        yield line, dict(zip(header, row, strict=True))


def table_header(path: Path, max_line_bytes: int = MAX_LINE_BYTES) -> list[str]:
    """Return the names of a table's columns.

    Raises
    ------
    InputError
        If the file cannot be read, is empty, or names a column twice.
    """
    _, header = next(_rows(path, max_line_bytes), (1, []))
    _check_header(path, header)
    return header


def shown_columns(columns: Iterable[str]) -> str:
    """Return the names of columns for a message, the first dozen of them."""
    names = list(columns)
    rest = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(quoted(name) for name in names[:_MOST]) + rest


def no_column(
    path: Path, wanted: Sequence[str], columns: Iterable[str], field: str, unused: Sequence[str]
) -> InputError:
    """Return the error that a table lacks a column; the only unused one is offered for it."""
    column = quoted(unused[0]) if len(unused) == 1 else "COLUMN"
    return InputError(
        f"{path} line 1: no column {' or '.join(wanted)} among {shown_columns(columns)}. Rename "
        f"one, or name it with --column {field}={column} (in a benchmark file: columns)."
    )


def refuse_not_a_number(value: str, column: str, place: object) -> None:
    """Raise InputError for the word that pandas writes where a text was missing."""
    if value.strip() in _NOT_A_NUMBER:
        raise InputError(
            f"{place}: {column} is NaN, a missing value. Write the text, or leave the cell empty."
        )


def _rows(path: Path, max_line_bytes: int) -> Iterator[tuple[int, list[str]]]:
    lines = (text for _, text in text_lines(path, max_line_bytes))
    delimiter = "\t" if ".tsv" in (suffix.lower() for suffix in path.suffixes) else ","
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begin = 1
    before = csv.field_size_limit()
    while True:
        # the limit belongs to the whole process: it is ours only while a row is read
        csv.field_size_limit(max_line_bytes)
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"{path} line {begin}: not a row of CSV ({error}). "
                "Put texts with commas, quotes or line breaks in double quotes."
            ) from None
        finally:
            csv.field_size_limit(before)
        if row is None:
            return
        if row:
            yield begin, row
        begin = reader.line_num + 1


def _check_header(path: Path, header: Sequence[str]) -> None:
    if not header:
        raise InputError(f"{path} line 1: the file is empty. Write a header and a row per study.")
    for position, name in enumerate(header):
        if name in header[:position]:
            raise InputError(
                f"{path} line 1: the column {quoted(name)} appears twice. Name it otherwise."
            )
