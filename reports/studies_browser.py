"""The studies as compact JSON for the page's browser, safe inside a script element."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metrics.conditions import CONDITIONS, POSITIVE, UNCERTAIN
from metrics.metric import Span
from reports.errors import InputError
from reports.report_data import ReportData, StudyView

CLASSES = ("blank", "positive", "negative", "uncertain")
"""CheXbert's classes of a condition, by index."""
KINDS = ("matched", "missed", "invented")
_IMAGE = re.compile(r"data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+={0,2}\Z")


def studies_json(data: ReportData) -> str:
    """Return the studies for ``<script type="application/json">``.

    The result is ASCII without ``<``, ``>`` and ``&``, so no text can end the script element.

    Raises
    ------
    InputError
        If an id stands twice, an image is not a data URI of a raster image, or a span lies
        outside its text.
    """
    _check(data.studies)
    systems = list(data.table.systems)
    metrics = [name for name in data.table.metric_names if _is_scored(name, data.studies)]
    keys, labels = _Index(), _Index()
    value = {
        "systems": systems,
        "metrics": [_metric(name, data) for name in metrics],
        "studies": [_study(one, systems, metrics, keys, labels) for one in data.studies],
        "keys": list(keys),
        "labels": list(labels),
        "kinds": KINDS,
        "shareable": data.shareable,
        **_labels_key(data),
    }
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class _Index(dict[str, int]):
    """Numbers names in the order in which they come."""

    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]


def _check(studies: Sequence[StudyView]) -> None:
    ids: set[str] = set()
    for study in studies:
        if study.sample_id in ids:
            raise InputError(
                f"Study {study.sample_id!r} stands twice in the report. Give each once."
            )
        ids.add(study.sample_id)
        if not all(_IMAGE.match(uri) for _, uri in study.images):
            raise InputError(
                f"An image of study {study.sample_id!r} is not a base64 data URI of a PNG, JPEG, "
                "WebP or GIF. Convert it before it goes into a report."
            )


def _labels_key(data: ReportData) -> dict[str, Any]:
    """Return what the digits of the studies' labels mean; nothing where no study has labels."""
    if all(study.labels is None for study in data.studies):
        return {}
    there = [POSITIVE, UNCERTAIN] if data.uncertain_is_there else [POSITIVE]
    return {"conditions": CONDITIONS, "classes": CLASSES, "there": there}


def _labels(study: StudyView, systems: Sequence[str]) -> dict[str, Any]:
    """Return a digit per condition: of each reference, and of each system or null."""
    if study.labels is None:
        return {}
    found = [study.labels.predictions.get(system) for system in systems]
    references = [_digits(labels) for labels in study.labels.references]
    return {"labels": [references, [None if one is None else _digits(one) for one in found]]}


def _digits(labels: Sequence[int]) -> str:
    return "".join(map(str, labels))


def _is_scored(metric: str, studies: Iterable[StudyView]) -> bool:
    return any(metric in scores for study in studies for scores in study.scores.values())


def _metric(name: str, data: ReportData) -> dict[str, Any]:
    found = (system.metrics.get(name) for system in data.table.systems.values())
    score = next(one for one in found if one is not None)
    return {"name": name, "percent": score.percent, "higher": score.higher_is_better}


def _study(
    study: StudyView, systems: Sequence[str], metrics: Sequence[str], keys: _Index, labels: _Index
) -> dict[str, Any]:
    return {
        "id": study.sample_id,
        "tags": list(study.tags.items()),
        "context": [(name, text) for name, text in study.context.items() if text],
        "references": list(study.references),
        "images": list(study.images),
        "predictions": [study.predictions.get(system) for system in systems],
        "scores": [_scores(study.scores.get(system, {}), metrics) for system in systems],
        "spans": [
            _spans(study, system, keys, labels) if system in study.spans else []
            for system in systems
        ],
        **_labels(study, systems),
    }


def _scores(scores: Mapping[str, float | None], metrics: Sequence[str]) -> list[float | None]:
    values = (scores.get(metric) for metric in metrics)
    # six digits are more than the page shows, and keep it small
    return [None if v is None or not math.isfinite(v) else float(f"{v:.6g}") for v in values]


def _spans(study: StudyView, system: str, keys: _Index, labels: _Index) -> list[list[Any]]:
    """Return [key, numbers of the prediction, numbers of the reference] per key of marks."""
    prediction = _Offsets(study.predictions.get(system, ""))
    reference = _Offsets(study.references[0] if study.references else "")
    found: dict[int, tuple[list[_Mark], list[_Mark]]] = {}
    for key, span in study.spans[system]:
        text = reference if span.side == "reference" else prediction
        if not text.holds(span):
            raise InputError(
                f"A span of {key} in study {study.sample_id!r} lies outside the text of {system!r}."
                " Spans must be made from the texts that are shown."
            )
        code = KINDS.index(span.kind) + len(KINDS) * labels[span.label]
        sides = found.setdefault(keys[key], ([], []))
        sides[text is reference].append((text.utf16(span.start), text.utf16(span.end), code))
    return [[key, *map(_packed, sides)] for key, sides in found.items()]


_Mark = tuple[int, int, int]


def _packed(marks: list[_Mark]) -> list[int]:
    """Return gap to the mark before, length and code of every mark: small numbers, small page."""
    numbers, last = [], 0
    for start, end, code in sorted(marks):
        numbers += [start - last, end - start, code]
        last = end
    return numbers


class _Offsets:
    """Character offsets of one text as JavaScript counts them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._is_plain = all(c <= "\uffff" for c in text)

    def holds(self, span: Span) -> bool:
        return 0 <= span.start <= span.end <= len(self._text)

    def utf16(self, offset: int) -> int:
        if self._is_plain:
            return offset
        return offset + sum(c > "\uffff" for c in self._text[:offset])
