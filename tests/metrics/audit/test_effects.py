"""What edits cost, against the definitions written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metrics.audit.edits import Edit
from metrics.audit.effects import measure
from metrics.metric import Output
from metrics.scoring import Resampling
from metrics.statistics import Units

EDITS = [
    Edit("wrong", "meaning", "", lambda text: iter(())),
    Edit("rare", "meaning", "", lambda text: iter(())),
    Edit("reworded", "harmless", "", lambda text: iter(())),
    Edit("shuffled", "harmless", "", lambda text: iter(())),
]
SCORES = {
    "copy": {"m": [1.0, 1.0, 1.0, 1.0]},
    "wrong": {"m": [0.5, 1.0, 0.8, 1.0]},
    "rare": {"m": [1.0, 0.2, 1.0, 1.0]},
    "reworded": {"m": [0.7, 1.0, 0.8, 1.0]},
    "shuffled": {"m": [0.4, 1.0, math.nan, 1.0]},
}
APPLIED = {
    "wrong": np.array([True, True, True, False]),
    "rare": np.array([False, True, False, False]),
    "reworded": np.array([True, True, True, False]),
    "shuffled": np.array([True, False, True, False]),
}
UNITS = Units.from_clusters(["a", "a", "b", "c"], 4)


def _measured(direction: str = "higher", resamples: int = 0):  # type: ignore[no-untyped-def]
    sign = 1 if direction == "higher" else -1
    scores = {s: {"m": sign * np.array(v["m"])} for s, v in SCORES.items()}
    outputs = {"m": Output("m", direction)}  # type: ignore[arg-type]
    settings = Resampling(resamples=resamples)
    return measure(scores, APPLIED, EDITS, outputs, UNITS, settings)


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_losses_are_counted_where_the_edit_applies(direction: str) -> None:
    wrong = next(e for e in _measured(direction)[0] if e.edit == "wrong")
    assert (3, 2 / 3, 1 / 3) == (wrong.n, wrong.lower.value, wrong.ties.value)
    assert 0.7 / 3 == pytest.approx(wrong.drop.value)
    assert 0.7 / 3 == pytest.approx(wrong.moved.value)


def test_meaning_is_told_from_wording_study_by_study() -> None:
    wrong = next(e for e in _measured()[0] if e.edit == "wrong")
    # study 1: more than reworded, less than shuffled; 2: a tie; 3: a tie, shuffled undefined
    assert (0.5 + 0.5 + 0.5) / 3 == pytest.approx(wrong.told_apart.value)
    rare = next(e for e in _measured()[0] if e.edit == "rare")
    assert (1, 1.0) == (rare.n, rare.told_apart.value)


def test_harmless_edits_have_nothing_to_be_told_from() -> None:
    reworded = next(e for e in _measured()[0] if e.edit == "reworded")
    assert math.isnan(reworded.told_apart.value)
    assert 0.5 / 3 == pytest.approx(reworded.moved.value)


def test_over_all_edits_each_counts_the_same() -> None:
    (overall,) = _measured()[1]
    assert (0.7 / 3 + 0.8) / 2 == pytest.approx(overall.drop.value)
    assert (0.5 + 1.0) / 2 == pytest.approx(overall.told_apart.value)
    assert (0.5 / 3 + 0.6) / 2 == pytest.approx(overall.moved.value)


def test_an_undefined_score_counts_nowhere() -> None:
    shuffled = next(e for e in _measured()[0] if e.edit == "shuffled")
    assert (1, 0.6) == (shuffled.n, pytest.approx(shuffled.drop.value))


def test_intervals_resample_the_patients_that_the_edit_applies_to() -> None:
    wrong = next(e for e in _measured(resamples=400)[0] if e.edit == "wrong")
    # patients a (0.5 and 0.0) and b (0.2)
    assert (0.2, 0.25) == (pytest.approx(wrong.drop.low), pytest.approx(wrong.drop.high))
    rare = next(e for e in _measured(resamples=400)[0] if e.edit == "rare")
    assert (0.8, 0.8) == (pytest.approx(rare.drop.low), pytest.approx(rare.drop.high))


def test_a_metric_without_scores_of_studies_is_undefined() -> None:
    scores = {s: {"m": np.full(4, math.nan)} for s in SCORES}
    effects, (overall,) = measure(
        scores, APPLIED, EDITS, {"m": Output("m")}, UNITS, Resampling(resamples=50)
    )
    assert [0, 0, 0, 0] == [one.n for one in effects]
    assert math.isnan(overall.told_apart.value)
    assert overall.told_apart.low is None
