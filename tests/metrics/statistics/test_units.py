"""Units are patients where they are known, samples otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.errors import InputError
from metrics.statistics import Units, few_units


def test_units_are_numbered_in_order_of_first_appearance():
    units = Units.from_clusters(["p9", "p1", "p9", "p2"], 4)
    assert [0, 1, 0, 2] == units.index.tolist()
    assert (3, 4, "subject_id") == (units.n_units, units.n_samples, units.name)


def test_without_labels_every_sample_is_a_unit():
    units = Units.from_clusters(None, 3)
    assert ([0, 1, 2], 3, "sample") == (units.index.tolist(), units.n_units, units.name)


def test_the_field_that_names_the_units_is_on_record():
    assert "ward" == Units.from_clusters([1, 1], 2, name="ward").name


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-99, 99)), max_size=30))
def test_sums_within_units_equal_a_loop(rows):
    units = Units.from_clusters([label for label, _ in rows], len(rows))
    statistics = np.array([[value, 1] for _, value in rows], dtype=float).reshape(-1, 2)
    expected = np.zeros((units.n_units, 2))
    for number, row in zip(units.index, statistics, strict=True):
        expected[number] += row
    assert (expected == units.sum(statistics)).all()


@pytest.mark.parametrize("missing", [None, float("nan"), np.float64("nan")])
def test_a_missing_label_is_an_error_that_names_its_row(missing):
    with pytest.raises(InputError, match=r"Sample 2 of 3 has no subject_id"):
        Units.from_clusters(["p1", missing, "p2"], 3)


def test_a_wrong_number_of_labels_is_an_error():
    with pytest.raises(InputError, match="2 values of subject_id for 3 samples"):
        Units.from_clusters(["p1", "p2"], 3)


def test_below_a_hundred_units_there_is_something_to_say():
    assert "Only 99 units (subject_id)" in (few_units(99, "subject_id") or "")
    assert few_units(100) is None
