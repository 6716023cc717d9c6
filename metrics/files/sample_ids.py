"""Ids of samples: what may be one, and whether two files speak of the same samples."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from metrics.errors import InputError
from metrics.files.jsonl import kind_of
from metrics.files.quoting import listed, quoted

ID_KEYS = ("sample_id", "question_id", "study_id")
"""Where a line's id may stand; the first that is there counts."""
_LONGEST = 512


def line_id(record: Mapping[str, Any], place: str) -> str:
    """Return the id of a line; ``place`` begins the message if there is none.

    Raises
    ------
    InputError
        If the line has no id, or one that cannot be used.
    """
    for key in ID_KEYS:
        if record.get(key) is not None:
            return checked_id(record[key], key, place)
    raise InputError(f"{place}: no id. Add {', '.join(ID_KEYS[:-1])} or {ID_KEYS[-1]}.")


def checked_id(value: object, key: str, place: str) -> str:
    """Return an id as a text; whole numbers are taken too.

    Raises
    ------
    InputError
        If it is anything else, empty, longer than 512 characters, or has characters that cannot
        be printed on one line.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise InputError(f"{place}: {key} is {kind_of(value)}. Write a text or a whole number.")
    if not value:
        raise InputError(f"{place}: {key} is empty. Give every sample an id of its own.")
    if len(value) > _LONGEST:
        raise InputError(f"{place}: {key} has {len(value):,} characters. Write at most {_LONGEST}.")
    if not value.isprintable():
        raise InputError(
            f"{place}: {key} is {quoted(value)}, with characters that cannot be printed. "
            "Write an id of visible characters on one line."
        )
    return value


def refuse_repeated(path: object, name: str, line: int | None, first: int | None) -> None:
    """Raise InputError that two lines of a file (None: entries without one) share an id."""
    where, before = ("", "") if line is None else (f" line {line}", f" (first on line {first})")
    raise InputError(
        f"{path}{where}: the id {quoted(name)} appears twice{before}. Keep one line per id."
    )


def refuse_unmatched(
    path: object,
    lines: Mapping[str, int | None],
    wanted: Collection[str],
    advice: str,
    *,
    missing_allowed: bool = False,
) -> None:
    """Raise InputError if a predictions file has ids that nobody asked for, or lacks some.

    Parameters
    ----------
    path
        The predictions file.
    lines
        The line on which each of its ids stands.
    wanted
        The ids of the references.
    advice
        How to mend missing ids; one sentence.
    missing_allowed
        Whether ids may be missing.
    """
    wanted_ids = frozenset(wanted)
    unknown = [name for name in lines if name not in wanted_ids]
    missing = [] if missing_allowed else [name for name in wanted if name not in lines]
    if not unknown and not missing:
        return
    line = lines[unknown[0]] if unknown else None
    place = f"{path}" if line is None else f"{path} line {line}"
    found = []
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        found.append(f"{len(unknown):,} unknown id{plural} ({listed(unknown)})")
    if missing:
        found.append(f"no prediction for {len(missing):,} of {len(wanted):,} ({listed(missing)})")
    mend = "Use the ids of the references." if unknown else advice
    raise InputError(f"{place}: {', and '.join(found)}. {mend}")
