"""Flat studies: one JSON object a line with the sections at the top level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.datasets.context_text import SECTIONS, context_sections
from harness.datasets.fields import Record
from harness.datasets.record import FIELDS, read_lines
from harness.datasets.source import Source
from harness.study import UNNAMED, Study

REPORT_SECTIONS = ("findings", "impression", "answer")
VIEW_NAMES = ("view", "ViewPosition", "view_position", "views", "frontal_lateral")
_IMAGES = ("images", "image", "image_path")
_CURRENT_IMAGE = ("current_image", "key_image", "key_image_path")
_OWN = ("images", "current_image", "image_views", "context", "reference", "tags")
KNOWN = frozenset((*FIELDS, *SECTIONS, *REPORT_SECTIONS, *VIEW_NAMES, *_IMAGES, *_CURRENT_IMAGE))


def read(source: Source) -> Iterator[Study]:
    """Yield the studies of a flat JSON Lines file.

    ``findings``, ``impression`` and ``answer`` are references; ``indication``, ``history``,
    ``comparison`` and ``technique`` the context (or ``context``, cut at its headings, where none
    of them is there); the view of the current image becomes the tag ``view``.
    """
    return read_lines(source, flat_record, KNOWN)


def flat_record(record: dict[str, Any]) -> Record:
    """Return a flat record in the form of a studies file."""
    images = _first(record, _IMAGES)
    current = _first(record, _CURRENT_IMAGE)
    return {
        **{name: value for name, value in record.items() if name in FIELDS and name not in _OWN},
        "images": images,
        "current_image": current,
        "image_views": record.get("image_views") or _views(record, images),
        "context": _context(record),
        "reference": _reference(record),
        "tags": _tags(record, images, current),
    }


def _first(record: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((record[name] for name in names if record.get(name) is not None), None)


def _context(record: dict[str, Any]) -> Any:
    sections = {name: record[name] for name in SECTIONS if name in record}
    whole = record.get("context")
    if isinstance(whole, str):
        # beside its own sections, the text in one piece would only repeat them
        return sections or context_sections(whole)
    return {**whole, **sections} if isinstance(whole, dict) else whole or sections


def _reference(record: dict[str, Any]) -> Any:
    sections = {name: record[name] for name in REPORT_SECTIONS if name in record}
    whole = record.get("reference")
    if isinstance(whole, dict):
        return {**whole, **sections}
    return sections if whole is None else {UNNAMED: whole, **sections}


def _tags(record: dict[str, Any], images: Any, current: Any) -> Any:
    tags = record.get("tags")
    view = _first(record, VIEW_NAMES)
    if isinstance(view, list):
        view = _view_of(current, images, view)
    if view is None or not (tags is None or isinstance(tags, dict)):
        return tags
    return {"view": view, **(tags or {})}


def _views(record: dict[str, Any], images: Any) -> list[str] | None:
    """Return a list of views that is one for each image."""
    views = _first(record, VIEW_NAMES)
    each = isinstance(views, list) and isinstance(images, list) and len(views) == len(images)
    return views if each and all(isinstance(view, str) for view in views) else None


def _view_of(current: Any, images: Any, views: list[Any]) -> Any:
    if isinstance(images, list) and len(images) == len(views) and current in images:
        return views[images.index(current)]
    return views[0] if views else None
