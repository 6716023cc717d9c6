"""Paired tests against their definitions, full enumeration and sacrebleu."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from metrics.statistics import (
    approximate_randomisation,
    paired_bootstrap,
    replicates,
    resample_indices,
    swap_masks,
)

from . import tiny_metrics as tiny


def bootstrap(a, b, reduce, *, resamples=1000, seed=0):
    draws = replicates({"a": a, "b": b}, resamples, seed)
    difference = reduce(a.sum(axis=0)) - reduce(b.sum(axis=0))
    (result,) = paired_bootstrap(reduce(draws["a"]), reduce(draws["b"]), difference, 0.95)
    return result


def randomisation(a, b, reduce, *, trials=1000, seed=0):
    (p,) = approximate_randomisation(a, b, reduce, trials=trials, seed=seed)
    return float(p)


def two_systems(n, seed, gap=0.0):
    rng = np.random.default_rng(seed)
    difficulty = rng.normal(size=n)
    return (
        tiny.as_mean(difficulty + rng.normal(size=n) + gap),
        tiny.as_mean(difficulty + rng.normal(size=n)),
    )


def two_f1_systems(n, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, (2, n, 3)).astype(float)


def swapped_difference(a, b, mask, reduce):
    total_a, total_b = np.zeros(a.shape[1]), np.zeros(a.shape[1])
    for row_a, row_b, swap in zip(a, b, mask, strict=True):
        total_a += row_b if swap else row_a
        total_b += row_a if swap else row_b
    return float((reduce(total_a) - reduce(total_b))[0])


def test_randomisation_equals_a_loop_over_the_same_swaps():
    a, b = two_f1_systems(15, seed=1)
    observed = abs(swapped_difference(a, b, np.zeros(15), tiny.micro_f1))
    masks = np.concatenate(list(swap_masks(15, 300, seed=2)))
    extreme = sum(
        abs(swapped_difference(a, b, mask, tiny.micro_f1)) >= observed - 1e-12 for mask in masks
    )
    assert (extreme + 1) / 301 == randomisation(a, b, tiny.micro_f1, trials=300, seed=2)


def test_randomisation_approaches_the_share_among_all_swaps():
    a, b = two_systems(10, seed=5, gap=1.0)
    observed = abs(swapped_difference(a, b, np.zeros(10), tiny.mean))
    every_mask = itertools.product([0, 1], repeat=10)
    exact = np.mean(
        [abs(swapped_difference(a, b, m, tiny.mean)) >= observed - 1e-12 for m in every_mask]
    )
    p = randomisation(a, b, tiny.mean, trials=40_000)
    assert exact == pytest.approx(p, abs=4 * math.sqrt(exact / 40_000))


def test_bootstrap_p_and_interval_equal_the_longhand_shift_method():
    a, b = two_systems(30, seed=3, gap=0.4)
    d = (a - b)[:, 0]
    draws = np.array([d[drawn].mean() for drawn in resample_indices(30, 500, seed=8)])
    extreme = sum(abs(x - draws.mean()) >= abs(d.mean()) for x in draws)
    result = bootstrap(a, b, tiny.mean, resamples=500, seed=8)
    assert (extreme + 1) / 501 == result.p
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([result.low, result.high])
    assert draws.std(ddof=1) == pytest.approx(result.standard_error)


def test_p_values_are_never_zero():
    a, b = two_systems(200, seed=0, gap=9.0)
    assert 1 / 1001 == randomisation(a, b, tiny.mean)
    assert 1 / 1001 == bootstrap(a, b, tiny.mean).p


def test_exchanging_the_systems_mirrors_the_interval_and_keeps_the_p_values():
    a, b = two_f1_systems(40, seed=4)
    forth, back = bootstrap(a, b, tiny.micro_f1), bootstrap(b, a, tiny.micro_f1)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low), abs=1e-15)
    assert forth.p == back.p
    assert randomisation(a, b, tiny.micro_f1) == randomisation(b, a, tiny.micro_f1)


def test_a_system_does_not_differ_from_itself():
    a, _ = two_systems(20, seed=0)
    result = bootstrap(a, a.copy(), tiny.mean)
    assert (0.0, 0.0, 1.0) == (result.low, result.high, result.p)
    assert 1.0 == randomisation(a, a.copy(), tiny.mean)


def test_a_single_unit_is_never_significant_by_randomisation():
    # Its two states differ by sign only; fractions must not let rounding tell them apart.
    for seed in range(50):
        a, b = two_systems(1, seed=seed)
        assert 1.0 == randomisation(a, b, tiny.mean, trials=99)


def test_an_undefined_difference_has_no_p_value():
    a = np.array([[0.0, 0.0], [0.0, 0.0]])
    b = tiny.as_mean(np.array([0.1, 0.2]))
    assert math.isnan(randomisation(a, b, tiny.mean))
    result = bootstrap(a, b, tiny.mean)
    assert math.isnan(result.p)
    assert math.isnan(result.low)
    assert 1000 == result.undefined_resamples


def test_an_infinite_difference_has_a_p_value_by_randomisation_only():
    def one_over_mean(totals):
        with np.errstate(divide="ignore"):
            return totals[..., 1:] / totals[..., :1]

    a, b = tiny.as_mean(np.zeros(4)), tiny.as_mean(np.ones(4))
    # All four units stay or all four swap: 2 of 16 states are as extreme.
    p = randomisation(a, b, one_over_mean, trials=20_000)
    assert 0.125 == pytest.approx(p, abs=0.01)
    assert math.isnan(bootstrap(a, b, one_over_mean).p)


@pytest.mark.parametrize("test", [randomisation, lambda *x, **s: bootstrap(*x, **s).p])
@pytest.mark.parametrize("metric", ["mean", "micro_f1"])
def test_p_values_are_uniform_when_systems_do_not_differ(test, metric):
    draws = {"trials": 199} if test is randomisation else {"resamples": 199}
    p_values = []
    for seed in range(400):
        if metric == "mean":
            p_values.append(test(*two_systems(120, seed), tiny.mean, seed=seed, **draws))
        else:
            p_values.append(test(*two_f1_systems(120, seed), tiny.micro_f1, seed=seed, **draws))
    assert stats.kstest(p_values, "uniform").pvalue > 0.02
    # 5 % of 400, within three standard errors.
    assert 20 == pytest.approx(np.count_nonzero(np.array(p_values) <= 0.05), abs=13)


def test_patients_with_alike_studies_make_naive_p_values_too_small():
    naive, clustered = [], []
    for seed in range(200):
        a, b = two_systems(40, seed)
        repeated_a, repeated_b = np.repeat(a, 5, axis=0), np.repeat(b, 5, axis=0)
        naive.append(randomisation(repeated_a, repeated_b, tiny.mean, trials=199, seed=seed))
        clustered.append(randomisation(5 * a, 5 * b, tiny.mean, trials=199, seed=seed))
    assert np.mean(np.array(naive) <= 0.05) > 0.2
    assert 0.05 == pytest.approx(np.mean(np.array(clustered) <= 0.05), abs=0.045)


@pytest.mark.parametrize(("kind", "seed"), [("ar", 1), ("bs", 1), ("ar", 2)])
def test_agrees_with_sacrebleus_paired_tests_within_monte_carlo_error(kind, seed):
    from sacrebleu.metrics import BLEU
    from sacrebleu.significance import PairedTest

    better, references = tiny.synthetic_texts(80, seed=seed, damage=0.25)
    worse, _ = tiny.synthetic_texts(80, seed=seed, damage=0.29)
    systems = [("better", better), ("worse", worse)]
    theirs = PairedTest(
        systems, {"BLEU": BLEU(tokenize="none")}, [references], test_type=kind, n_samples=4000
    )()[1]["BLEU"][1].p_value
    a, b = (tiny.bleu4_statistics(texts, references) for texts in (better, worse))
    if kind == "ar":
        ours = randomisation(a, b, tiny.bleu4, trials=4000)
    else:
        ours = bootstrap(a, b, tiny.bleu4, resamples=4000).p
    assert 0.001 < ours < 0.999
    assert theirs == pytest.approx(ours, abs=4 * math.sqrt(2 * 0.25 / 4000))
