"""Correlations against scipy, and their intervals against resampling by hand."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metrics.errors import InputError
from metrics.statistics import Units, resample_indices
from metrics.statistics.correlation import kendall, pearson

whole = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30)
real = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=20)


def _scipy(name: str, x: list[float], y: list[float]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of constant input
        return float(getattr(stats, name)(x, y).statistic)


def _units(n: int) -> Units:
    return Units.from_clusters(None, n)


@given(pairs=whole | real)
def test_kendall_is_scipys(pairs: list[tuple[float, float]]) -> None:
    x, y = (np.array(values, np.float64) for values in zip(*pairs, strict=True))
    got = kendall(x, y, _units(len(x)), resamples=0).value
    expected = _scipy("kendalltau", x.tolist(), y.tolist())
    assert expected == pytest.approx(got, abs=1e-12, nan_ok=True)


@given(pairs=whole)
def test_pearson_is_scipys(pairs: list[tuple[float, float]]) -> None:
    x, y = (np.array(values, np.float64) for values in zip(*pairs, strict=True))
    got = pearson(x, y, _units(len(x)), resamples=0).value
    expected = _scipy("pearsonr", x.tolist(), y.tolist())
    assert expected == pytest.approx(got, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(("name", "ours"), [("kendalltau", kendall), ("pearsonr", pearson)])
def test_intervals_are_those_of_resampled_studies(name: str, ours: object) -> None:
    generator = np.random.default_rng(5)
    x = generator.normal(size=40)
    y = np.round(x + generator.normal(size=40))
    units = Units.from_clusters([i % 10 for i in range(40)], 40)
    drawn = []
    for chosen in resample_indices(10, 200, 3):
        rows = np.concatenate([np.flatnonzero(units.index == unit) for unit in chosen])
        drawn.append(_scipy(name, x[rows].tolist(), y[rows].tolist()))
    low, high = np.quantile(drawn, [0.05, 0.95])
    got = ours(x, y, units, resamples=200, seed=3, confidence=0.9)  # type: ignore[operator]
    assert (low, high) == (pytest.approx(got.low, abs=1e-9), pytest.approx(got.high, abs=1e-9))
    assert (40, 10, 0) == (got.n, got.n_units, got.undefined_resamples)


def test_large_samples_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 50))
    whole = kendall(x, y, _units(50), resamples=20)
    monkeypatch.setattr("metrics.statistics.correlation._BLOCK", 150)
    assert whole == kendall(x, y, _units(50), resamples=20)


def test_undefined_scores_are_left_out() -> None:
    x = np.array([1.0, math.nan, 2.0, 3.0])
    y = np.array([1.0, 9.0, 2.0, 3.0])
    got = kendall(x, y, _units(4), resamples=50)
    assert (1.0, 3, 3) == (got.value, got.n, got.n_units)


def test_a_constant_has_no_correlation() -> None:
    got = pearson(np.full(5, 0.1), np.arange(5.0), _units(5), resamples=20)
    assert math.isnan(got.value)
    assert (None, None, 20) == (got.low, got.high, got.undefined_resamples)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="2 and 3 values for 3 samples"):
        kendall(np.zeros(2), np.zeros(3), _units(3))
