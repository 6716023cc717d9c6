"""The official packages beside ours on the user's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.datasets import read_predictions, read_studies
from harness.scoring import make_test_set
from metrics.parity import Parity, compare_engines
from metrics.selection import select


def parity_rows(
    references: Path,
    predictions: Path,
    metrics: Sequence[str] | None = None,
    protocol: str | None = None,
    section: str = "findings",
    max_line_mb: float = 8.0,
) -> list[Parity]:
    """Return a row per output: the official number, ours, and the largest difference.

    Raises
    ------
    InputError
        If a file or name is wrong.
    MissingError
        If an official package is not installed.
    """
    selected = select(metrics, protocol)
    study_set = read_studies(references, section=section, max_line_mb=max_line_mb)
    given = read_predictions(predictions, study_set.ids, max_line_mb=max_line_mb)
    test_set = make_test_set(study_set.studies, section)
    return compare_engines(selected, test_set, [text or "" for text in given.texts])
