"""ReXrank's JSON: one object with the studies by id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.datasets.flat import flat_record
from harness.datasets.record import study_of
from harness.datasets.source import Place, Source
from harness.errors import InputError
from harness.study import Study
from metrics.files.jsonl import kind_of, read_document

_NAMES = {
    "section_findings": "findings",
    "section_impression": "impression",
    "image_path": "images",
    "key_image_path": "current_image",
    "frontal_lateral": "views",
    "context": "context",
    "subject_id": "subject_id",
    "split": "split",
}
"""ReXrank's fields that are read, and what a flat record calls them."""


def read(source: Source) -> Iterator[Study]:
    """Yield the studies of a ReXrank file; ``context`` is cut at its headings."""
    for name, record in entries(source.path):
        place = Place(str(source.path), key=name)
        if not isinstance(record, dict):
            raise InputError(f"{place}: expected an object, found {kind_of(record)}. Mend it.")
        source.pass_over(key for key in record if key not in (*_NAMES, "study_id"))
        flat = {ours: record[theirs] for theirs, ours in _NAMES.items() if theirs in record}
        yield study_of(flat_record({**flat, "study_id": name}), place)


def entries(path: object) -> Iterator[tuple[str, Any]]:
    """Yield id and value of every entry of the document.

    Raises
    ------
    InputError
        If the file is no JSON object, or has no entries.
    """
    document = read_document(str(path))
    if not document:
        raise InputError(f"{path} line 1: the file holds no studies. Write them by id.")
    yield from document.items()
