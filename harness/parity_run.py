"""The official packages beside ours on the user's files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.datasets import read_predictions, read_studies
from harness.scoring import make_test_set
from harness.scoring_plan import ScoringPlan
from metrics.errors import MissingError
from metrics.parity import Parity, compare_engines


@dataclass(frozen=True)
class ParityTable:
    """A row per output, and what was left out, in words."""

    rows: list[Parity]
    notes: list[str]


def run_parity(
    references: Path,
    predictions: Path,
    plan: ScoringPlan,
    max_line_mb: float = 8.0,
    skip_unavailable: bool = False,
) -> ParityTable:
    """Return the official number, ours, and the largest difference of each output of the plan.

    With ``skip_unavailable`` it is without the metrics whose official package is not here.

    Raises
    ------
    InputError
        If a file or name is wrong.
    MissingError
        If an official package is not installed and not to be skipped, or nothing is left.
    """
    study_set = read_studies(references, section=plan.section, max_line_mb=max_line_mb)
    given = read_predictions(predictions, study_set.ids, max_line_mb=max_line_mb)
    test_set = make_test_set(study_set.studies, plan.section)
    texts = [text or "" for text in given.texts]
    table = ParityTable([], plan.notes)
    for one in plan.selected():
        try:
            table.rows.extend(compare_engines([one], test_set, texts))
        except MissingError as error:
            if not skip_unavailable:
                raise
            table.notes.append(f"Left out: {', '.join(one.columns)}. {error}")
    if not table.rows:
        raise MissingError("\n".join(["Nothing is left to compare.", *table.notes]))
    return table
