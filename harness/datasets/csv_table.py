"""Studies in a CSV or TSV table, one row each, with a map of columns where names differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.datasets.context_text import SECTIONS
from harness.datasets.flat import REPORT_SECTIONS, VIEW_NAMES, flat_record
from harness.datasets.record import FIELDS, study_of
from harness.datasets.source import Place, Source
from harness.datasets.table_rows import no_column, refuse_not_a_number, table_rows
from harness.errors import InputError
from harness.study import Study
from harness.suggest import suggestion
from metrics.files.quoting import quoted

_LISTS = ("images", "image_views", "prior_images")
_GROUPS = ("context", "reference", "tags")
FIELD_NAMES = (*FIELDS, *SECTIONS, *REPORT_SECTIONS, *VIEW_NAMES, "image", "image_path")
"""The names that a column may have, members such as ``tags.abnormal`` apart."""


def read(source: Source) -> Iterator[Study]:
    """Yield the studies of a table.

    Columns are known by our names (``study_id``, ``findings``, ``indication``, ``view``, …) or by
    ``columns``, from ours to theirs; ``tags.abnormal``, ``context.x`` and ``reference.x`` name
    members. An empty cell is an absent value; but an empty reference is an empty report, and an
    empty ``prior_images`` says that there is no prior. A list of images is written as JSON.

    Raises
    ------
    InputError
        If a column that the map names is not there, or a cell does not fit its field.
    """
    _check_names(source)
    theirs: dict[str, str] = {}
    for line, row in table_rows(source.path, source.max_line_bytes):
        if not theirs:
            theirs = _columns(source, row)
            source.pass_over(name for name in row if name not in theirs.values())
        place = Place(str(source.path), line)
        yield study_of(flat_record(_record(row, theirs, place)), place)


def _check_names(source: Source) -> None:
    for name in source.columns:
        if not is_field(name):
            raise InputError(
                f"columns names the unknown field {name!r} for {source.path}. "
                f"{suggestion(name, FIELD_NAMES)}"
            )


def is_field(name: str) -> bool:
    """Whether a map of columns may name it: a field of studies, or a member of one."""
    group, dot, member = name.partition(".")
    return name in FIELD_NAMES or bool(dot and member and group in _GROUPS)


def _columns(source: Source, row: Mapping[str, str]) -> dict[str, str]:
    """Return the column of each of our fields, those of the map first."""
    for field, column in source.columns.items():
        if column not in row:
            raise InputError(
                f"{source.path} line 1: no column {quoted(column)}, which columns gives for "
                f"{field}. {suggestion(column, row)}"
            )
    taken = set(source.columns.values())
    own = {name: name for name in row if name not in taken and _has_meaning(name)}
    found = {**own, **source.columns}
    for group in _GROUPS:
        if group in found and any(name.startswith(f"{group}.") for name in found):
            raise InputError(
                f"{source.path} line 1: columns for {group} and for members of it. Keep one kind."
            )
    if "study_id" not in found:
        unused = [name for name in row if name not in found.values()]
        raise no_column(source.path, ["study_id"], row, "study_id", unused)
    return found


def _has_meaning(name: str) -> bool:
    return name in FIELD_NAMES or name.partition(".")[0] in _GROUPS


def _record(row: Mapping[str, str], theirs: Mapping[str, str], place: Place) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for field, column in theirs.items():
        cell = row[column]
        group, dot, member = field.partition(".")
        if group in REPORT_SECTIONS or group == "reference":
            refuse_not_a_number(cell, column, place)
        elif cell == "" and field != "prior_images":
            continue
        if dot:
            record.setdefault(group, {})[member] = cell
        else:
            record[field] = _list(cell, column, place) if field in _LISTS else cell
    return record


def _list(cell: str, column: str, place: Place) -> Any:
    if not cell.startswith("["):
        return [cell] if cell else []
    try:
        return json.loads(cell)
    except ValueError:
        raise InputError(
            f'{place}: {column} is no JSON list. Write one path, or ["a.png", "b.png"].'
        ) from None
