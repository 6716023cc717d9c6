import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.plots import WIDTH, forest_plot, nice_ticks
from tests.reports.factory import score

NUMBERS = st.floats(-1e4, 1e4)


@given(NUMBERS, NUMBERS)
def test_ticks_enclose_both_values_at_equal_steps(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    step = ticks[1] - ticks[0]
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert all(math.isclose(step, b - a, rel_tol=1e-4) for a, b in pairwise(ticks))


def test_a_better_score_stands_further_right_and_inside_the_picture() -> None:
    plot = forest_plot("bleu4", {"a": score(0.2, 0.02), "b": score(0.3, 0.02)})
    assert plot is not None
    a, b = plot.rows
    places = [float(x) for x in (a.low_x, a.x, a.high_x, b.low_x, b.x, b.high_x)]
    assert sorted(places) == places
    assert 0 < places[0]
    assert places[-1] < WIDTH


def test_an_undefined_score_has_a_row_without_a_point() -> None:
    plot = forest_plot("bleu4", {"a": score(0.2), "b": score(math.nan)})
    assert plot is not None
    assert ("", "\u2013") == (plot.rows[1].x, plot.rows[1].value)


def test_no_defined_score_means_no_plot() -> None:
    assert forest_plot("bleu4", {"a": score(math.nan)}) is None


def test_equal_scores_without_intervals_still_have_an_axis() -> None:
    plot = forest_plot("x", {"a": score(0.0, 0.0), "b": score(0.0, 0.0)})
    assert plot is not None
    assert len({tick.x for tick in plot.ticks}) == len(plot.ticks)


@pytest.mark.parametrize(
    ("value", "bounds", "labels"),
    [
        (0.0, (0.0, 1.0), ["0.0", "0.5", "1.0"]),
        (1.0, (0.0, 1.0), ["94", "96", "98", "100"]),
        (0.0, (0.0, 10.0), ["0.0", "0.5", "1.0"]),
    ],
)
def test_the_axis_of_equal_scores_stays_within_the_bounds(
    value: float, bounds: tuple[float, float], labels: list[str]
) -> None:
    plot = forest_plot("x", {name: score(value, 0.0, bounds=bounds) for name in "ab"})
    assert plot is not None
    assert labels == [tick.label for tick in plot.ticks]
