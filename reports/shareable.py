"""A report without texts, images and ids, for data under a use agreement."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from metrics.conditions import CONDITIONS, snake_case
from reports.errors import InputError
from reports.report_data import ReportData, StudyView

_ID_LENGTH = 16
_LABELS = {f"chexbert_f1_{snake_case(condition)}" for condition in CONDITIONS}


def shareable(data: ReportData, salt: str) -> ReportData:
    """Return the report with per-study scores only, under hashed ids and in the ids' order.

    Texts, context, images, spans, labels and tags are taken out, except ``has_prior``, and so is
    a study's F1 of a single condition, which is as good as its label. The order of the test set
    is lost on purpose: it would tell which study is which.

    Parameters
    ----------
    salt
        Keep it secret and do not use it again: study ids are few enough to be guessed, so a hash
        with a known salt protects nobody.

    Raises
    ------
    InputError
        If the salt is empty.
    """
    if not salt:
        raise InputError("A shareable report needs a salt for its hashed ids. Give a random text.")
    studies = sorted((_stripped(one, salt) for one in data.studies), key=lambda s: s.sample_id)
    return replace(data, studies=studies, shareable=True)


def hashed_id(sample_id: str, salt: str) -> str:
    """Return the id that stands for ``sample_id``: a prefix of SHA-256 over salt and id."""
    text = f"{salt}\n{sample_id}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:_ID_LENGTH]


def _stripped(study: StudyView, salt: str) -> StudyView:
    tags = {name: value for name, value in study.tags.items() if name == "has_prior"}
    return StudyView(
        sample_id=hashed_id(study.sample_id, salt),
        tags=tags,
        context={},
        references=(),
        images=(),
        predictions={},
        spans={},
        scores={system: _without_labels(scores) for system, scores in study.scores.items()},
    )


def _without_labels(scores: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: value for name, value in scores.items() if name.rpartition("/")[2] not in _LABELS}
