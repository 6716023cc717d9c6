"""Take one field out of a record, checked; the message names the place, the field and the mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.datasets.source import Place
from harness.errors import InputError
from harness.study import Reference
from metrics.files.jsonl import kind_of
from metrics.files.sample_ids import checked_id

Record = Mapping[str, Any]


def name_in(record: Record, key: str, place: Place) -> str | None:
    """Return an id, or None where there is none."""
    value = record.get(key)
    return None if value is None else checked_id(value, key, str(place))


def text_in(record: Record, key: str, place: Place) -> str | None:
    """Return a text, or None where there is none."""
    value = record.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _wrong(place, key, value, "Write a text")


def paths_in(record: Record, key: str, place: Place) -> tuple[str, ...] | None:
    """Return image paths from a list or a single text, or None where there are none."""
    value = record.get(key)
    if value is None:
        return None
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list):
        raise _wrong(place, key, value, "Write a list of image paths")
    for path in paths:
        if not isinstance(path, str):
            raise _wrong(place, f"a path in {key}", path, "Write a text")
        if not path or not path.isprintable():
            raise InputError(
                f"{place}: a path in {key} is empty or has characters that cannot be printed. "
                "Write the image's path, relative to the image folder."
            )
    return tuple(paths)


def words_in(record: Record, key: str, place: Place) -> tuple[str, ...]:
    """Return a list of words, such as the views of images; empty where there is none."""
    value = record.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(place, key, value, "Write a list of words")
    for word in value:
        if not isinstance(word, str):
            raise _wrong(place, f"a word in {key}", word, "Write a text")
    return tuple(value)


def texts_in(record: Record, key: str, place: Place) -> dict[str, str]:
    """Return an object of texts, such as the context; null members are left out."""
    members = _members(record, key, place)
    for name, value in members.items():
        if not isinstance(value, str):
            raise _wrong(place, f"{key}.{name}", value, "Write a text")
    return members


def references_in(record: Record, key: str, place: Place) -> dict[str, Reference]:
    """Return the references by section: a text each, or a list of texts; null ones are left out."""
    return {
        name: _reference(value, f"{key}.{name}", place)
        for name, value in _members(record, key, place).items()
    }


def tags_in(record: Record, key: str, place: Place) -> dict[str, str]:
    """Return an object of words; numbers and truth values become words, null ones are left out."""
    return {
        name: _word(value, f"{key}.{name}", place)
        for name, value in _members(record, key, place).items()
    }


def _members(record: Record, key: str, place: Place) -> dict[str, Any]:
    value = record.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(place, key, value, 'Write an object such as {"name": "text"}')
    return {name: member for name, member in value.items() if member is not None}


def _reference(value: object, key: str, place: Place) -> Reference:
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        what = "an empty list" if value == [] else kind_of(value)
        raise InputError(f"{place}: {key} is {what}. Write a text, or a list of several.")
    for text in value:
        if not isinstance(text, str):
            raise _wrong(place, f"a text in {key}", text, "Write a text")
    return tuple(value)


def _word(value: object, key: str, place: Place) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    raise _wrong(place, key, value, "Write a word or a number")


def _wrong(place: Place, key: str, value: object, mend: str) -> InputError:
    return InputError(f"{place}: {key} is {kind_of(value)}. {mend}, or leave it out.")
