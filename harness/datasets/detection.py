"""Tell the format of a file of studies or predictions from its name and its first line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metrics.files.sample_ids import ID_KEYS
from metrics.files.text_lines import text_lines

_TABLES = (".csv", ".tsv")


def is_table(path: Path) -> bool:
    """Whether the name is that of a CSV or TSV file, compressed or not."""
    return any(suffix.lower() in _TABLES for suffix in path.suffixes[-2:])


def is_document(path: Path, max_line_bytes: int) -> bool:
    """Whether the file is one JSON document by id rather than one object per line."""
    first = _first_line(path, max_line_bytes)
    if isinstance(first, dict) and first:
        if not first.keys().isdisjoint(ID_KEYS):
            return False
        if all(isinstance(value, dict) for value in first.values()):
            return True
    return path.suffix.lower() == ".json"


def detect_format(path: Path, max_line_bytes: int) -> str:
    """Return the format of a file of studies.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if is_table(path):
        return "csv"
    if is_document(path, max_line_bytes):
        return "rexrank"
    first = _first_line(path, max_line_bytes)
    if not isinstance(first, dict):
        return "studies"  # whose reader says what is wrong with the line
    if "question_id" in first:
        return "libra"
    return "studies" if _is_ours(first) else "flat"


def _is_ours(record: Mapping[str, Any]) -> bool:
    nested = any(isinstance(record.get(name), dict) for name in ("reference", "context", "tags"))
    return nested and not {"findings", "impression"} & record.keys()


def _first_line(path: Path, max_line_bytes: int) -> Any:
    """Return the value of the first line that is not blank; None if it is no JSON value."""
    if path.suffix.lower() == ".json":
        # one document may be one line of any length
        max_line_bytes = max(max_line_bytes, path.stat().st_size if path.is_file() else 0)
    for _, text in text_lines(path, max_line_bytes):
        if text.isspace():
            continue
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None
    return None
