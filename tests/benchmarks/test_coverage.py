"""The simulated patients are as described, and intervals by patient keep their promise."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.simulations import coverage
from benchmarks.simulations.patients import simulate


def test_studies_of_simulated_patients_correlate_as_described():
    test_set = simulate(50_000, np.random.default_rng(0))
    scores, patients = test_set.statistics["mean"][:, 0], test_set.patients
    studies = np.bincount(patients)
    of_patient = np.bincount(patients, scores) / studies
    within = ((scores - of_patient[patients]) ** 2).sum() / (scores.size - studies.size)
    assert (1, 8) == (studies.min(), studies.max())
    assert 0.7 == pytest.approx(within / scores.var(), abs=0.01)


@pytest.mark.slow
def test_intervals_by_patient_hold_the_true_score_and_intervals_by_study_do_not():
    shares = coverage.coverage(coverage.true_scores(1), 300, datasets=500, seed=1)
    # The share of 500 test sets has a standard error of one point.
    for (metric, column), share in shares.items():
        if column.endswith("by patient"):
            assert 0.95 == pytest.approx(share, abs=0.03), (metric, column)
        else:
            assert share < 0.91, (metric, column)


@pytest.mark.slow
def test_the_command_prints_a_row_per_metric_and_size(capsys):
    coverage.main(["--datasets", "2", "--patients", "30", "40"])
    lines = capsys.readouterr().out.splitlines()
    assert 2 + 2 * 3 == len(lines)
    assert lines[2].startswith("| 30 | BLEU-4 | ")
