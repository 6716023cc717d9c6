"""Holm's correction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.statistics import holm


def longhand(p_values):
    adjusted = {}
    highest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = highest
    return [adjusted[position] for position in range(len(p_values))]


def test_hand_worked_values():
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, then 1 x 0.04 lifted to the value before it.
    assert [0.03, 0.06, 0.06, 0.02] == pytest.approx(holm([0.01, 0.04, 0.03, 0.005]).tolist())


def test_values_of_the_p_adjust_documentation_of_r():
    # p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm") in R.
    assert [0.05, 0.08, 0.09, 0.09, 0.09] == pytest.approx(
        holm([0.01, 0.02, 0.03, 0.04, 0.05]).tolist()
    )


@given(st.lists(st.floats(0.0, 1.0), max_size=20))
def test_equals_the_longhand_definition(p_values):
    assert longhand(p_values) == holm(p_values).tolist()


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=10))
def test_correction_never_lowers_a_p_value(p_values):
    adjusted = holm(p_values)
    assert (adjusted >= np.array(p_values)).all()
    assert adjusted.max() <= 1.0


def test_undefined_p_values_are_not_tests():
    first, second, third = holm([0.02, math.nan, 0.03])
    assert (0.04, 0.04) == (first, third)
    assert math.isnan(second)
