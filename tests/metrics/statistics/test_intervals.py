"""Percentile and BCa intervals against their definitions, scipy and the official BLEU."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from metrics.errors import InputError
from metrics.statistics import (
    Units,
    bca_interval,
    confidence_intervals,
    jackknife_scores,
    percentile_interval,
    replicates,
    resample_indices,
)

from . import tiny_metrics as tiny


def intervals(statistics, reduce, *, clusters=None, resamples=1000, seed=0, **settings):
    units = Units.from_clusters(clusters, len(statistics))
    return confidence_intervals(
        {"x": statistics}, {"x": reduce}, units, resamples=resamples, seed=seed, **settings
    )["x"]


def skewed(n, seed=0):
    return np.random.default_rng(seed).lognormal(size=n)


def bca_longhand(scores, confidence, resamples, seed):
    """Efron and Tibshirani (1993), equations 14.10 to 14.15, for a mean."""
    point = sum(scores) / len(scores)
    draws = [
        sum(scores[i] for i in drawn) / len(scores)
        for drawn in resample_indices(len(scores), resamples, seed)
    ]
    below = sum(d < point for d in draws) + sum(d == point for d in draws) / 2
    z0 = stats.norm.ppf(below / resamples)
    deleted = [(sum(scores) - s) / (len(scores) - 1) for s in scores]
    centre = sum(deleted) / len(deleted)
    cubes = sum((centre - d) ** 3 for d in deleted)
    squares = sum((centre - d) ** 2 for d in deleted)
    a = cubes / (6 * squares**1.5)
    bounds = []
    for level in ((1 - confidence) / 2, (1 + confidence) / 2):
        z = z0 + stats.norm.ppf(level)
        bounds.append(np.quantile(draws, stats.norm.cdf(z0 + z / (1 - a * z))))
    return bounds


def test_percentile_bounds_are_the_quantiles_of_longhand_replicates():
    scores = skewed(30)
    draws = [
        sum(scores[i] for i in drawn) / len(drawn) for drawn in resample_indices(30, 500, seed=4)
    ]
    (interval,) = intervals(tiny.as_mean(scores), tiny.mean, resamples=500, seed=4, confidence=0.9)
    assert np.quantile(draws, [0.05, 0.95]) == pytest.approx([interval.low, interval.high])


@settings(max_examples=60)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0.01, 0.99))
def test_percentile_bounds_are_numpys_linear_quantiles(values, confidence):
    (interval,) = percentile_interval(np.array(values)[:, None], confidence)
    levels = [(1 - confidence) / 2, (1 + confidence) / 2]
    assert np.quantile(values, levels).tolist() == [interval.low, interval.high]


def test_bca_equals_the_longhand_definition():
    scores = skewed(25)
    (interval,) = intervals(
        tiny.as_mean(scores), tiny.mean, resamples=5000, seed=9, confidence=0.9, method="bca"
    )
    assert bca_longhand(scores, 0.9, 5000, 9) == pytest.approx([interval.low, interval.high])


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_agrees_with_scipy_within_monte_carlo_error(method):
    scores = skewed(60, seed=2)
    expected = stats.bootstrap(
        (scores,), np.mean, n_resamples=20_000, method=method, rng=np.random.default_rng(1)
    )
    (interval,) = intervals(tiny.as_mean(scores), tiny.mean, resamples=20_000, method=method)
    bounds = expected.confidence_interval
    # A 2.5 % quantile of 20,000 draws has a standard error of about 0.02 standard errors.
    tolerance = 0.12 * expected.standard_error
    assert [bounds.low, bounds.high] == pytest.approx([interval.low, interval.high], abs=tolerance)


def test_bca_is_shifted_towards_the_long_tail():
    statistics = tiny.as_mean(skewed(60, seed=2))
    (percentile,) = intervals(statistics, tiny.mean, resamples=5000)
    (bca,) = intervals(statistics, tiny.mean, resamples=5000, method="bca")
    assert bca.low > percentile.low
    assert bca.high > percentile.high


def test_corpus_bleu_recounted_by_sacrebleu_gives_the_same_interval():
    import sacrebleu

    predictions, references = tiny.synthetic_texts(60, seed=1, damage=0.3)
    scores = [
        sacrebleu.corpus_bleu(
            [predictions[i] for i in drawn], [[references[i] for i in drawn]], tokenize="none"
        ).score
        for drawn in resample_indices(60, 300, seed=11)
    ]
    statistics = tiny.bleu4_statistics(predictions, references)
    (interval,) = intervals(statistics, tiny.bleu4, resamples=300, seed=11)
    expected = np.quantile(scores, [0.025, 0.975])
    assert expected == pytest.approx([interval.low, interval.high], rel=1e-10)


def test_micro_f1_recounted_by_scikit_learn_over_drawn_patients_gives_the_same_interval():
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 25, 70).tolist()
    truth, guess = rng.integers(0, 2, (2, 70, 5))
    counts = [truth & guess, (1 - truth) & guess, truth & (1 - guess)]
    statistics = np.column_stack([c.sum(axis=1) for c in counts]).astype(float)
    units = Units.from_clusters(patients, 70)
    scores = []
    for drawn in resample_indices(units.n_units, 200, seed=3):
        rows = np.concatenate([np.flatnonzero(units.index == unit) for unit in drawn])
        scores.append(f1_score(truth[rows], guess[rows], average="micro"))
    (interval,) = intervals(statistics, tiny.micro_f1, clusters=patients, resamples=200, seed=3)
    expected = np.quantile(scores, [0.025, 0.975])
    assert expected == pytest.approx([interval.low, interval.high], rel=1e-12)


def test_clustering_equals_summing_the_rows_of_each_cluster_first():
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 40, 100).tolist()
    statistics = rng.integers(0, 9, (100, 3)).astype(float)
    units = Units.from_clusters(patients, 100)
    for method in ("percentile", "bca"):
        clustered = intervals(
            statistics, tiny.micro_f1, clusters=patients, resamples=5000, method=method
        )
        summed = intervals(units.sum(statistics), tiny.micro_f1, resamples=5000, method=method)
        assert summed == clustered


def test_the_order_of_samples_within_patients_does_not_matter():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(20), 3)
    statistics = rng.integers(0, 9, (60, 3)).astype(float)
    reordered = statistics.reshape(20, 3, 3)[:, ::-1].reshape(60, 3)
    labels = patients.tolist()
    assert intervals(statistics, tiny.micro_f1, clusters=labels) == intervals(
        reordered, tiny.micro_f1, clusters=labels
    )


def test_studies_that_repeat_within_patients_widen_the_interval():
    scores = np.repeat(skewed(30), 4)
    patients = np.repeat(np.arange(30), 4).tolist()
    (naive,) = intervals(tiny.as_mean(scores), tiny.mean)
    (clustered,) = intervals(tiny.as_mean(scores), tiny.mean, clusters=patients)
    ratio = (clustered.high - clustered.low) / (naive.high - naive.low)
    assert 2.0 == pytest.approx(ratio, rel=0.1)


def test_undefined_replicates_are_left_out_and_counted():
    (interval,) = percentile_interval(np.array([[math.nan], [1.0], [3.0], [math.nan]]), 0.5)
    assert (1.5, 2.5, 2, 4) == (
        interval.low,
        interval.high,
        interval.undefined_resamples,
        interval.resamples,
    )


def test_a_score_that_some_resamples_miss_keeps_an_interval_from_the_others():
    defined = np.array([0.0] * 18 + [1.0, 1.0])
    statistics = np.column_stack([[0.0] * 18 + [0.2, 0.6], defined])
    draws = list(resample_indices(20, 1000, seed=0))
    missed = sum(not defined[drawn].any() for drawn in draws)
    (interval,) = intervals(statistics, tiny.mean)
    assert missed == interval.undefined_resamples
    assert (0.2, 0.6) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_one_unit_gives_the_score_as_both_bounds(method):
    (interval,) = intervals(np.array([[0.3, 1.0]]), tiny.mean, resamples=5000, method=method)
    assert (0.3, 0.3, 0) == (interval.low, interval.high, interval.undefined_resamples)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_no_unit_gives_undefined_bounds(method):
    (interval,) = intervals(np.empty((0, 2)), tiny.mean, resamples=5000, method=method)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert 5000 == interval.undefined_resamples


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_equal_statistics_give_the_score_as_both_bounds(method):
    (interval,) = intervals(
        tiny.as_mean(np.full(37, 0.1)), tiny.mean, resamples=5000, method=method
    )
    assert (0.1, 0.1) == pytest.approx((interval.low, interval.high), rel=1e-14)


def test_no_resamples_give_undefined_bounds():
    (interval,) = intervals(tiny.as_mean(skewed(9)), tiny.mean, resamples=0)
    assert math.isnan(interval.low)
    assert 0 == interval.resamples


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_infinite_scores_are_kept_without_a_warning(method):
    def one_over_mean(totals):
        with np.errstate(divide="ignore"):
            return totals[..., 1:] / totals[..., :1]

    statistics = tiny.as_mean(np.array([0.0] * 8 + [1.0, 2.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (interval,) = intervals(statistics, one_over_mean, resamples=5000, method=method)
    assert math.inf == interval.high
    assert 0 < interval.low < 10 / 3


def test_replicates_all_on_one_side_keep_bca_bounds_within_the_replicates():
    replicates_ = np.random.default_rng(0).random((5000, 1))
    deleted = np.random.default_rng(1).random((40, 1))
    for point in (-1.0, 2.0):
        (interval,) = bca_interval(np.array([point]), replicates_, deleted, 0.95)
        assert replicates_.min() <= interval.low <= interval.high <= replicates_.max()


def test_ties_with_the_score_count_half():
    # 40 % below, 20 % tied, 40 % above and no skewness: no correction, the percentile interval.
    values = np.repeat([0.0, 1.0, 2.0, 3.0, 4.0], 1000)[:, None]
    deleted = np.array([[1.0], [2.0], [3.0]])
    (bca,) = bca_interval(np.array([2.0]), values, deleted, 0.5)
    (percentile,) = percentile_interval(values, 0.5)
    assert (percentile.low, percentile.high) == (bca.low, bca.high)


def test_bca_with_few_resamples_is_refused_with_the_number():
    with pytest.raises(InputError, match="at least 5000 resamples, not 1000"):
        intervals(tiny.as_mean(skewed(9)), tiny.mean, resamples=1000, method="bca")


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, -0.5])
def test_a_confidence_outside_0_and_1_is_refused(confidence):
    with pytest.raises(InputError, match="between 0 and 1"):
        intervals(tiny.as_mean(skewed(9)), tiny.mean, confidence=confidence)


def test_jackknife_scores_leave_out_one_unit_each():
    scores = skewed(7)
    expected = [np.delete(scores, i).mean() for i in range(7)]
    assert expected == pytest.approx(jackknife_scores(tiny.as_mean(scores), tiny.mean)[:, 0])


def test_all_keys_share_the_resamples_and_none_moves_another():
    rng = np.random.default_rng(0)
    bleu = tiny.bleu4_statistics(*tiny.synthetic_texts(40, seed=3, damage=0.2))
    statistics = {"bleu": bleu, "f1": rng.integers(0, 5, (40, 3)).astype(float)}
    reduces = {"bleu": tiny.bleu4, "f1": tiny.micro_f1}
    together = confidence_intervals(
        statistics, reduces, Units.from_clusters(None, 40), resamples=200, seed=6
    )
    assert intervals(bleu, tiny.bleu4, resamples=200, seed=6) == together["bleu"]
    totals = replicates(statistics, 200, seed=6)
    assert percentile_interval(tiny.micro_f1(totals["f1"]), 0.95) == together["f1"]
