"""How many studies it would take."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from metrics.statistics import SampleSize, studies_needed


def test_units_follow_the_normal_formula():
    wanted = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    needed = studies_needed(0.02, 0.01, n_units=1000, n_studies=2500)
    assert needed is not None
    assert math.ceil(1000 * (wanted * 0.01 / 0.02) ** 2) == needed.units
    assert math.ceil(2500 * (wanted * 0.01 / 0.02) ** 2) == needed.studies


def test_half_the_difference_takes_four_times_the_studies():
    assert SampleSize(studies=19623, units=7849) == studies_needed(0.01, 0.01, 1000, 2500)
    assert SampleSize(studies=4906, units=1963) == studies_needed(0.02, 0.01, 1000, 2500)


def test_the_sign_of_the_difference_does_not_matter():
    assert studies_needed(0.01, 0.02, 10, 10) == studies_needed(-0.01, 0.02, 10, 10)


def test_that_many_studies_find_the_difference_in_four_of_five_trials():
    needed = studies_needed(0.3, 1 / math.sqrt(50), n_units=50, n_studies=50)
    assert needed is not None
    means = np.random.default_rng(0).normal(0.3, 1.0, (20_000, needed.units)).mean(axis=1)
    found = np.abs(means) * math.sqrt(needed.units) > 1.96
    assert 0.8 == pytest.approx(found.mean(), abs=0.01)


@pytest.mark.parametrize(
    ("difference", "error"),
    [(0.0, 0.1), (math.nan, 0.1), (0.1, math.nan), (0.1, 0.0), (math.inf, 0.1), (1e-200, 1e200)],
)
def test_nothing_is_said_where_nothing_can_be_known(difference, error):
    assert studies_needed(difference, error, 100, 100) is None
