"""All pairs of systems at once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metrics.statistics import (
    Scorer,
    Units,
    approximate_randomisation,
    compare_systems,
    holm,
    paired_bootstrap,
    replicates,
    studies_needed,
)

from . import tiny_metrics as tiny

SCORERS = {"average": Scorer(("average",), tiny.mean), "f1": Scorer(("micro",), tiny.micro_f1)}


def two_outputs(totals):
    return totals[..., :2] / totals[..., 2:]


def statistics_of(systems, n=60, seed=0):
    rng = np.random.default_rng(seed)
    difficulty = rng.random(n)
    arrays = {}
    for number, system in enumerate(systems):
        arrays[system, "average"] = tiny.as_mean(difficulty + rng.random(n) + 0.1 * number)
        arrays[system, "f1"] = rng.integers(0, 4, (n, 3)).astype(float)
    return arrays


def compare(arrays, scorers=None, *, clusters=None, resamples=300, trials=300, **settings):
    n = len(next(iter(arrays.values())))
    return compare_systems(
        arrays,
        scorers or SCORERS,
        Units.from_clusters(clusters, n),
        resamples=resamples,
        trials=trials,
        seed=3,
        **settings,
    )


def test_pairs_are_ordered_by_metric_then_by_system():
    rows = compare(statistics_of(["x", "y", "z"]))
    pairs = [("x", "y"), ("x", "z"), ("y", "z")]
    expected = [(metric, *pair) for metric in ("average", "micro") for pair in pairs]
    assert expected == [(row.metric, row.a, row.b) for row in rows]


def test_each_row_holds_what_the_tests_of_one_pair_give():
    arrays = statistics_of(["x", "y", "z"])
    clusters = (np.arange(60) // 2).tolist()
    units = Units.from_clusters(clusters, 60)
    a, b = (units.sum(arrays[system, "f1"]) for system in ("x", "z"))
    draws = replicates({"a": a, "b": b}, 300, seed=3)
    difference = tiny.micro_f1(a.sum(axis=0)) - tiny.micro_f1(b.sum(axis=0))
    (expected,) = paired_bootstrap(
        tiny.micro_f1(draws["a"]), tiny.micro_f1(draws["b"]), difference, 0.95
    )
    (p,) = approximate_randomisation(a, b, tiny.micro_f1, trials=300, seed=3)
    row = compare(arrays, clusters=clusters)[4]
    assert ("micro", "x", "z", 30) == (row.metric, row.a, row.b, row.n_units)
    assert difference[0] == row.difference
    assert (expected.low, expected.high, expected.p) == (row.low, row.high, row.p_bootstrap)
    assert p == row.p_randomisation
    assert studies_needed(difference[0], expected.standard_error, 30, 60) == row.needed


def test_holm_counts_the_pairs_within_one_output():
    rows = compare(statistics_of(["x", "y", "z"]))
    for metric in ("average", "micro"):
        of_metric = [row for row in rows if row.metric == metric]
        expected = holm([row.p_randomisation for row in of_metric])
        assert expected.tolist() == [row.p_holm for row in of_metric]


def test_every_output_of_a_metric_gets_its_own_rows():
    rng = np.random.default_rng(0)
    arrays = {(s, "rouge"): np.hstack([rng.random((9, 2)), np.ones((9, 1))]) for s in "abc"}
    rows = compare(arrays, {"rouge": Scorer(("r1", "rL"), two_outputs)})
    assert ["r1"] * 3 + ["rL"] * 3 == [row.metric for row in rows]
    alone = {key: np.ascontiguousarray(array[:, [1, 1, 2]]) for key, array in arrays.items()}
    second = compare(alone, {"rouge": Scorer(("unused", "rL"), two_outputs)})[3:]
    assert second == rows[3:]


def test_a_pair_does_not_depend_on_other_systems_and_metrics():
    arrays = statistics_of(["x", "y", "z"])
    two = {key: array for key, array in arrays.items() if key[0] != "z" and key[1] == "f1"}
    (alone,) = compare(two, {"f1": SCORERS["f1"]})
    among_others = compare(arrays)[3]
    for field in ("difference", "low", "high", "p_bootstrap", "p_randomisation", "needed"):
        assert getattr(alone, field) == getattr(among_others, field)


def test_only_the_asked_pairs_are_compared():
    rows = compare(statistics_of(["x", "y", "z"]), pairs=[("z", "x")])
    assert [("z", "x"), ("z", "x")] == [(row.a, row.b) for row in rows]
    assert rows[0].p_randomisation == rows[0].p_holm
    assert rows[0].difference > 0


def test_a_pair_is_left_out_where_a_system_lacks_the_metric():
    arrays = statistics_of(["x", "y", "z"])
    del arrays["y", "f1"]
    f1_rows = [row for row in compare(arrays) if row.metric == "micro"]
    assert [("x", "z")] == [(row.a, row.b) for row in f1_rows]


def test_one_system_has_nothing_to_be_compared_with():
    assert [] == compare(statistics_of(["x"]))


def test_one_unit_says_nothing_about_chance():
    rows = compare(statistics_of(["x", "y"], n=1))
    assert 1.0 == rows[0].p_randomisation
    assert math.isnan(rows[0].p_bootstrap)
    assert rows[0].difference == pytest.approx(rows[0].low)
    assert rows[0].needed is None


def test_no_unit_gives_undefined_numbers():
    row = compare(statistics_of(["x", "y"], n=0))[0]
    undefined = (row.difference, row.low, row.high, row.p_bootstrap, row.p_randomisation)
    assert all(math.isnan(value) for value in undefined)
    assert math.isnan(row.p_holm)
    assert (300, 0, None) == (row.undefined_resamples, row.n_units, row.needed)


def test_an_undefined_pair_is_not_a_test_in_the_correction():
    arrays = statistics_of(["x", "y", "z"])
    arrays["z", "f1"] = np.zeros((60, 3))
    first, second, third = (row for row in compare(arrays) if row.metric == "micro")
    assert first.p_randomisation == first.p_holm
    assert math.isnan(second.p_holm)
    assert math.isnan(third.p_holm)
