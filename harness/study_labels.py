"""What CheXbert says of the studies that a report shows, read from the annotation cache."""

from __future__ import annotations

from collections.abc import Sequence

from harness.scoring import Scored
from harness.study_marks import has_its_weights
from metrics.precision import name_and_precision
from reports.report_data import StudyLabels

_LABELLER = "chexbert"


def study_labels(scored: Scored, rows: Sequence[int]) -> tuple[dict[int, StudyLabels], str]:
    """Return the labels of these studies by row, and a note where they cannot be had.

    There are none where no metric of the run reads them. A run that is opened again may lack the
    weights, and then its labels are not shown.
    """
    readers = {
        annotator: one
        for one in scored.counted.selected
        for annotator in one.metric.annotators
        if name_and_precision(annotator)[0] == _LABELLER
    }
    if not readers:
        return {}, ""
    ready = [annotator for annotator, one in readers.items() if has_its_weights(one)]
    if not ready:
        return {}, "CheXpert labels are not shown, since weights are not on this machine."
    labels = _labels(scored, rows, ready[0])
    return {row: _of_study(scored, row, labels) for row in rows}, ""


def _of_study(scored: Scored, row: int, labels: dict[str, list[int]]) -> StudyLabels:
    return StudyLabels(
        references=[labels[text] for text in scored.test_set.references[row]],
        predictions={
            system: labels[given.predictions[row] or ""] for system, given in scored.systems.items()
        },
    )


def _labels(scored: Scored, rows: Sequence[int], annotator: str) -> dict[str, list[int]]:
    """Return the labels of each distinct text; a missing prediction was scored as an empty one."""
    from metrics.annotators.sources import annotate

    texts = [text for row in rows for text in scored.test_set.references[row]]
    for given in scored.systems.values():
        texts += [given.predictions[row] or "" for row in rows]
    distinct = list(dict.fromkeys(texts))
    found = annotate(annotator, distinct)
    return {
        text: [int(label) for label in one.labels]
        for text, one in zip(distinct, found, strict=True)
    }
