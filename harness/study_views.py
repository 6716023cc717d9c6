"""Studies as the report's browser shows them: texts, marked pieces, scores and small images."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from pathlib import Path

from harness.scoring import Scored
from harness.study import Study
from harness.study_labels import study_labels
from harness.study_marks import marking_metrics, marks
from metrics.metric import Metric
from metrics.results import ScoreTable
from models.errors import ModelsError
from reports.report_data import StudyLabels, StudyView

MOST_STUDIES = 2_000
IMAGE_BUDGET_BYTES = 12_000_000
_IMAGE_PIXELS = 320


def study_views(scored: Scored, image_folder: Path | None) -> tuple[list[StudyView], str]:
    """Return the studies to browse, and how they were chosen where they are not all.

    Of more than 2,000 studies, evenly spaced ones are shown. Images are included until the page
    would grow by more than 12 MB.
    """
    n = len(scored.studies)
    rows = range(n) if n <= MOST_STUDIES else [i * n // MOST_STUDIES for i in range(MOST_STUDIES)]
    images = _Images(image_folder)
    metrics, unmarked = marking_metrics(scored.counted.selected)
    labels, unlabelled = study_labels(scored, rows)
    views = [
        _view(scored, row, metrics, images.of(scored.studies[row]), labels.get(row)) for row in rows
    ]
    chosen = f"{MOST_STUDIES:,} of {n:,} studies are shown, evenly spaced in file order."
    notes = [chosen if n > MOST_STUDIES else "", unmarked, unlabelled, *images.notes()]
    return views, " ".join(note for note in notes if note)


def _view(
    scored: Scored,
    row: int,
    metrics: Mapping[str, Metric],
    images: list[tuple[str, str]],
    labels: StudyLabels | None,
) -> StudyView:
    study = scored.studies[row]
    references = list(scored.test_set.references[row])
    predictions = {
        system: text
        for system, given in scored.systems.items()
        if (text := given.predictions[row]) is not None
    }
    return StudyView(
        sample_id=study.sample_id,
        tags=_tags(study),
        context=_asked(study),
        references=references,
        images=images,
        predictions=predictions,
        spans={system: marks(metrics, text, references) for system, text in predictions.items()},
        scores={system: _scores(scored.table, system, row) for system in scored.systems},
        labels=labels,
    )


def _asked(study: Study) -> Mapping[str, str]:
    question = {} if study.question is None else {"question": study.question}
    return {**question, **study.context}


def _tags(study: Study) -> Mapping[str, str]:
    words = {True: "yes", False: "no"}
    known = {} if study.has_prior is None else {"has_prior": words[study.has_prior]}
    return {**study.tags, **known}


def _scores(table: ScoreTable, system: str, row: int) -> dict[str, float | None]:
    values = {name: float(column[row]) for name, column in table.per_sample[system].items()}
    return {name: None if math.isnan(value) else value for name, value in values.items()}


class _Images:
    """Small copies of the studies' images, until the budget is spent."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._left = IMAGE_BUDGET_BYTES
        self._skipped = 0
        self._unreadable = 0

    def of(self, study: Study) -> list[tuple[str, str]]:
        if self._folder is None:
            return []
        named = [("current", study.current_image)]
        named += [("prior", image) for image in (study.prior_images or ())[:1]]
        shown = [(name, self._data_uri(path)) for name, path in named if path]
        return [(name, uri) for name, uri in shown if uri]

    def notes(self) -> list[str]:
        notes = []
        if self._skipped:
            notes.append(f"{self._skipped:,} images are left out to keep the page small.")
        if self._unreadable:
            notes.append(f"{self._unreadable:,} images are not there or cannot be shown.")
        return notes

    def _data_uri(self, path: str) -> str | None:
        if self._left <= 0:
            self._skipped += 1
            return None
        content = _thumbnail(Path(self._folder or ".") / path)
        if content is None:
            self._unreadable += 1
            return None
        self._left -= len(content)
        return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def _thumbnail(path: Path) -> bytes | None:
    from models.images.reading import read_image

    try:
        small = read_image(path).convert("L")
    except ModelsError:
        return None
    small.thumbnail((_IMAGE_PIXELS, _IMAGE_PIXELS))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
