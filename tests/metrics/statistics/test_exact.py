"""Weighted sums are exact: no order of adding, no neighbour and no thread count can move them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from metrics.errors import InputError
from metrics.statistics.exact import ExactColumns

FINITE = st.floats(-1e300, 1e300, allow_nan=False, allow_subnormal=True)


def total(columns, weights):
    return ExactColumns({"x": columns}).sums([weights])["x"]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40), st.integers(0, 2**32))
def test_a_sum_of_fractions_is_the_exact_sum_rounded_once(values, seed):
    weights = np.bincount(
        np.random.default_rng(seed).integers(len(values), size=len(values)), minlength=len(values)
    ).astype(float)
    exact = sum((Fraction(v) * int(w) for v, w in zip(values, weights, strict=True)), Fraction(0))
    ours = total(np.array(values)[:, None], weights[None])[0, 0]
    # Values far below the largest are cut off 80 bits below it: less than any float can show.
    assert abs(Fraction(float(ours)) - exact) <= Fraction(math.ulp(float(exact))) / 2 + Fraction(
        max(values)
    ) * Fraction(1, 2**75)


@given(st.lists(FINITE, min_size=1, max_size=12))
def test_any_finite_column_sums_to_what_fsum_gives(values):
    ours = total(np.array(values)[:, None], np.ones((1, len(values))))[0, 0]
    assert math.fsum(values) == pytest.approx(ours, rel=1e-15, abs=1e-20 * max(map(abs, values)))


@settings(max_examples=50)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 2**32))
def test_sums_do_not_depend_on_neighbouring_columns(n_units, n_others, seed):
    rng = np.random.default_rng(seed)
    column = rng.normal(size=(n_units, 1)) * 10.0 ** rng.integers(-9, 9)
    others = rng.normal(size=(n_units, n_others))
    weights = rng.integers(0, 2, size=(37, n_units)).astype(float)
    together = ExactColumns({"others": others, "x": column}).sums([weights])["x"]
    assert (total(column, weights) == together).all()


@settings(max_examples=50)
@given(st.integers(1, 300), st.integers(1, 37), st.integers(0, 2**32))
def test_sums_do_not_depend_on_the_number_of_rows_in_a_block(n_units, rows, seed):
    rng = np.random.default_rng(seed)
    columns = rng.random(size=(n_units, 7))
    weights = rng.integers(0, 2, size=(37, n_units)).astype(float)
    blocks = (weights[start : start + rows] for start in range(0, 37, rows))
    assert (total(columns, weights) == ExactColumns({"x": columns}).sums(blocks)["x"]).all()


def test_sums_do_not_depend_on_the_order_of_units_or_on_threads():
    rng = np.random.default_rng(5)
    columns = rng.random((20_011, 9)) * np.logspace(-6, 6, 9)
    weights = rng.integers(0, 2, size=(64, len(columns))).astype(float)
    order = rng.permutation(len(columns))
    with threadpool_limits(limits=1):
        one_thread = total(columns, weights)
    with threadpool_limits(limits=4):
        four_threads = total(columns[order], weights[:, order])
    assert (one_thread == four_threads).all()
    # The plain product is not so: this is why the columns are split.
    assert not (weights @ columns == weights[:, order] @ columns[order]).all()


def test_counts_are_summed_without_a_second_part():
    columns = ExactColumns({"counts": np.arange(12.0).reshape(6, 2)})
    assert 2 == len(columns._parts)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_statistics_that_are_not_finite_are_refused_by_name(bad):
    with pytest.raises(InputError, match="bleu"):
        ExactColumns({"bleu": np.array([[1.0], [bad]])})


def test_statistics_over_different_units_are_refused():
    with pytest.raises(InputError, match="over 2 and over 3 units"):
        ExactColumns({"a": np.ones((2, 1)), "b": np.ones((3, 1))})


def test_no_columns_and_no_units_are_fine():
    assert {} == ExactColumns({}).sums([])
    assert (np.zeros((4, 2)) == total(np.empty((0, 2)), np.empty((4, 0)))).all()


def test_inputs_are_left_as_they_were():
    columns = np.random.default_rng(0).random((5, 2))
    before = columns.copy()
    total(columns, np.ones((1, 5)))
    assert (before == columns).all()
