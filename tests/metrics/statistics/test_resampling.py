"""The draws are public, shared, and free of the block size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.errors import InputError
from metrics.statistics import replicates, resample_indices, resampling_weights, swap_masks


def test_draws_are_what_one_line_of_numpy_gives():
    expected = np.random.default_rng(7).integers(123, size=(40, 123))
    assert (expected == np.array(list(resample_indices(123, 40, seed=7)))).all()


def test_weights_count_the_drawn_indices():
    weights = np.concatenate(list(resampling_weights(11, 9, seed=1)))
    for row, drawn in zip(weights, resample_indices(11, 9, seed=1), strict=True):
        assert [list(drawn).count(unit) for unit in range(11)] == row.tolist()


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(0, 40), st.integers(1, 50), st.integers(0, 2**40))
def test_weights_and_masks_do_not_depend_on_the_block_size(n_units, rows, block, seed):
    for draw in (resampling_weights, swap_masks):
        whole = np.concatenate([np.empty((0, n_units)), *draw(n_units, rows, seed)])
        pieces = np.concatenate([np.empty((0, n_units)), *draw(n_units, rows, seed, block)])
        assert (rows, n_units) == whole.shape
        assert (whole == pieces).all()


@settings(max_examples=40)
@given(st.integers(1, 150), st.integers(1, 30), st.integers(0, 2**32))
def test_replicates_are_equal_to_the_last_bit_for_any_block_and_neighbours(n_units, block, seed):
    rng = np.random.default_rng(seed)
    mine, other = rng.random((n_units, 3)), rng.normal(size=(n_units, 5))
    alone = replicates({"mine": mine}, 30, seed)["mine"]
    together = replicates({"other": other, "mine": mine}, 30, seed, block)["mine"]
    assert (alone == together).all()


def test_replicates_are_sums_over_the_drawn_units():
    statistics = np.random.default_rng(3).random((50, 2))
    ours = replicates({"x": statistics}, 20, seed=5)["x"]
    longhand = [statistics[drawn].sum(axis=0) for drawn in resample_indices(50, 20, seed=5)]
    np.testing.assert_allclose(ours, longhand, rtol=1e-14)


def test_two_equal_systems_get_equal_replicates():
    statistics = np.random.default_rng(3).random((50, 2))
    both = replicates({"a": statistics, "b": statistics.copy()}, 20, seed=5)
    assert (both["a"] == both["b"]).all()


def test_masks_swap_each_unit_in_about_half_of_the_trials():
    masks = np.concatenate(list(swap_masks(70, 4000, seed=0)))
    assert {0.0, 1.0} == set(np.unique(masks).tolist())
    # Six standard errors of a share of one half in 4,000 trials.
    assert np.abs(masks.mean(axis=0) - 0.5).max() < 6 * 0.5 / np.sqrt(4000)


def test_bootstrap_and_randomisation_draw_from_different_streams():
    masks = next(swap_masks(64, 1, seed=0))[0]
    words = np.random.default_rng(0).bytes(8)
    assert masks.tolist() != np.unpackbits(np.frombuffer(words, np.uint8)).tolist()


def test_no_units_give_totals_of_zero():
    assert (np.zeros((5, 2)) == replicates({"x": np.empty((0, 2))}, 5, seed=0)["x"]).all()


def test_no_resamples_give_no_rows():
    assert (0, 2) == replicates({"x": np.ones((3, 2))}, 0, seed=0)["x"].shape


def test_negative_settings_are_refused():
    with pytest.raises(InputError, match="seed is -1"):
        replicates({"x": np.ones((3, 2))}, 5, seed=-1)
    with pytest.raises(InputError, match="number of resamples is -5"):
        replicates({"x": np.ones((3, 2))}, -5, seed=0)
