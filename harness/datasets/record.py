"""From a record in the form of our studies files to a study, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from harness.datasets.fields import (
    Record,
    name_in,
    paths_in,
    references_in,
    tags_in,
    text_in,
    texts_in,
    words_in,
)
from harness.datasets.source import Place, Source
from harness.errors import InputError
from harness.study import Study
from metrics.files.jsonl import read_objects

FIELDS = (
    "sample_id",
    "study_id",
    "subject_id",
    "images",
    "image_views",
    "prior_images",
    "current_image",
    "context",
    "reference",
    "tags",
    "prior_study_id",
    "prior_report",
    "question",
    "study_date",
    "split",
)
"""The fields of a line in a studies file, in the order in which they are written."""

Convert = Callable[[dict[str, Any]], Record]
"""Puts a record of another format into the form of a studies file."""


def read_lines(source: Source, convert: Convert, known: Iterable[str]) -> Iterator[Study]:
    """Yield the studies of a JSON Lines file whose fields are ``known``."""
    known = frozenset(known)
    for number, record in read_objects(source.path, source.max_line_bytes):
        if not known.issuperset(record):
            source.pass_over(name for name in record if name not in known)
        place = Place(str(source.path), number)
        yield study_of(convert(record), place)


def study_of(record: Record, place: Place) -> Study:
    """Return the study of a record in the form of a studies file.

    Raises
    ------
    InputError
        If a field has the wrong type, or there is no id.
    """
    study_id = name_in(record, "study_id", place)
    sample_id = name_in(record, "sample_id", place) or study_id
    if sample_id is None or study_id is None:
        raise InputError(f"{place}: no study_id. Give every study an id.")
    images = paths_in(record, "images", place) or ()
    tags = tags_in(record, "tags", place)
    return Study(
        sample_id=sample_id,
        study_id=study_id,
        subject_id=name_in(record, "subject_id", place),
        images=images,
        image_views=_views(record, images, place),
        prior_images=paths_in(record, "prior_images", place),
        current_image=_current_image(record, images, place),
        context=texts_in(record, "context", place),
        reference=references_in(record, "reference", place),
        tags=tags,
        prior_study_id=name_in(record, "prior_study_id", place),
        prior_report=text_in(record, "prior_report", place),
        question=text_in(record, "question", place),
        study_date=name_in(record, "study_date", place),
        split=name_in(record, "split", place) or tags.get("split"),
        file=place.file,
        line=place.line,
    )


def record_of(study: Study) -> dict[str, Any]:
    """Return the study in the form of a line of a studies file; what is unknown is left out."""
    values = {name: getattr(study, name) for name in FIELDS}
    if study.sample_id == study.study_id:
        del values["sample_id"]
    if study.current_image == next(iter(study.images), None):
        del values["current_image"]
    if study.split == study.tags.get("split"):
        del values["split"]
    for name in ("context", "reference", "tags"):
        values[name] = dict(values[name])
    for name in ("images", "image_views", "prior_images"):
        values[name] = None if values[name] is None else list(values[name])
    values["image_views"] = values["image_views"] or None
    return {name: value for name, value in values.items() if value is not None}


def _current_image(record: Record, images: tuple[str, ...], place: Place) -> str | None:
    named = paths_in(record, "current_image", place)
    if named is None:
        return images[0] if images else None
    if len(named) != 1:
        raise InputError(f"{place}: current_image names {len(named)} images. Write one path.")
    return named[0]


def _views(record: Record, images: tuple[str, ...], place: Place) -> tuple[str, ...]:
    views = words_in(record, "image_views", place)
    if views and len(views) != len(images):
        raise InputError(
            f"{place}: image_views has {len(views)} views for {len(images)} images. "
            "Write one for each image, in the order of images, or leave it out."
        )
    return views
