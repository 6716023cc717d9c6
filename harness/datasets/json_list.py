"""Read a whole file that is one JSON list of objects, refusing anything else by file and place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import InputError
from metrics.files.jsonl import kind_of, parse
from metrics.files.text_lines import opened


def read_list(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON file that holds a list of them.

    Raises
    ------
    InputError
        If the file cannot be read, is not in UTF-8, or holds anything else.
    """
    with opened(path) as file:
        content = file.read()
    try:
        found = parse(content.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not in UTF-8. Save it as UTF-8.") from error
    if not isinstance(found, list):
        raise InputError(f"{path} holds {kind_of(found)}. Name a file with a list of objects.")
    for number, one in enumerate(found, start=1):
        if not isinstance(one, dict):
            raise InputError(f"{path}, entry {number}: {kind_of(one)}, not an object. Mend it.")
    return found
