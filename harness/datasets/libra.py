"""Libra's question files: one JSON object a line with the current and the prior image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.datasets.fields import Record
from harness.datasets.flat import KNOWN, flat_record
from harness.datasets.record import read_lines
from harness.datasets.source import Place, Source
from harness.errors import InputError
from harness.study import Study

_KNOWN = KNOWN | {"question_id", "text"}


def read(source: Source) -> Iterator[Study]:
    """Yield the studies of a Libra question file.

    ``question_id`` is the sample, ``image`` the current image or ``[current, prior]`` (a prior that
    is the current image again is Libra's dummy, and counts as none), and ``text`` the prompt. The
    reference is ``reference``, ``findings``, ``impression`` or ``answer``; the prompt never is.

    Raises
    ------
    InputError
        If a line has no reference, or more than two images.
    """
    for study in read_lines(source, _record, _KNOWN):
        if not study.reference:
            raise InputError(
                f"{Place(study.file, study.line)}: no reference; its text is the prompt, which is "
                "never scored. Add reference, findings or impression."
            )
        if len(study.images) > 1:
            raise InputError(
                f"{Place(study.file, study.line)}: image names {len(study.images)} images. "
                "Write the current image, or [current, prior]."
            )
        yield study


def _record(record: dict[str, Any]) -> Record:
    identity = record.get("question_id")
    found = {"question": record.get("text"), **flat_record(record)}
    if identity is not None:
        found = {**found, "sample_id": identity, "study_id": record.get("study_id", identity)}
    return {**found, **_images(record)}


def _images(record: dict[str, Any]) -> dict[str, Any]:
    images = record.get("image")
    if isinstance(images, str):
        return {"images": [images], "prior_images": []}
    if not isinstance(images, list) or len(images) not in (1, 2):
        return {"images": images}
    current, *prior = images
    return {"images": [current], "prior_images": [path for path in prior if path != current]}
