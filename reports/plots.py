"""Geometry of the forest plots: where points, whiskers and ticks stand in an inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from metrics.results import Score
from reports.number_format import MINUS, interval, shown, signed

WIDTH = 360
_LEFT, _RIGHT = 18.0, 342.0
_TOP, _ROW, _AXIS = 8, 38, 26
_LONGEST_NAME = 30
_STEPS = 4


@dataclass(frozen=True)
class Tick:
    """A grid line and its label."""

    x: str
    label: str


@dataclass(frozen=True)
class PlotRow:
    """One system; positions are empty strings where there is no score or no interval."""

    name: str
    short_name: str
    value: str
    interval: str
    text_y: int
    bar_y: int
    x: str
    low_x: str
    high_x: str


@dataclass(frozen=True)
class ForestPlot:
    """One metric's systems with their intervals on a common axis.

    ``zero_x`` is where 0 is marked; empty where it is not.
    """

    metric: str
    higher_is_better: bool
    percent: bool
    width: int
    height: int
    axis_y: int
    ticks: list[Tick]
    rows: list[PlotRow]
    zero_x: str = ""


def forest_plot(
    metric: str,
    scores: Mapping[str, Score],
    *,
    percent: bool | None = None,
    differences: bool = False,
) -> ForestPlot | None:
    """Return the plot of one metric by system, or None where no score is defined.

    Parameters
    ----------
    percent
        Whether to show values times 100; None: as tables do.
    differences
        The values are differences: they get a sign, and the axis a mark at 0.
    """
    numbers = [v for s in scores.values() for v in (s.score, s.low, s.high)]
    defined = [v for v in numbers if v is not None and math.isfinite(v)]
    if not defined:
        return None
    first = next(iter(scores.values()))
    percent = first.percent if percent is None else percent
    scale = 100.0 if percent else 1.0
    defined += [0.0] if differences else []
    bounds = (first.bounds[0] * scale, first.bounds[1] * scale)
    ticks = nice_ticks(min(defined) * scale, max(defined) * scale, bounds)
    start, end = ticks[0], ticks[-1]

    def place(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return ""
        return f"{_LEFT + (_RIGHT - _LEFT) * (value * scale - start) / (end - start):.2f}"

    rows = [
        _row(
            position,
            name,
            (signed if differences else shown)(score.score, percent),
            interval(score, percent),
            (place(score.score), place(score.low), place(score.high)),
        )
        for position, (name, score) in enumerate(scores.items())
    ]
    axis_y = _TOP + _ROW * len(rows) + 4
    return ForestPlot(
        metric=metric,
        higher_is_better=first.higher_is_better,
        percent=percent,
        width=WIDTH,
        height=axis_y + _AXIS,
        axis_y=axis_y,
        ticks=[Tick(place(tick / scale), _label(tick, ticks)) for tick in ticks],
        rows=rows,
        zero_x=place(0.0) if differences else "",
    )


def nice_ticks(
    low: float, high: float, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> list[float]:
    """Return round numbers at equal steps that enclose both values.

    Equal values get room on either side that stays within the bounds.

    >>> nice_ticks(12.3, 27.9)
    [10.0, 15.0, 20.0, 25.0, 30.0]
    >>> nice_ticks(0.0, 0.0, (0.0, 100.0))
    [0.0, 0.5, 1.0]
    """
    if high - low < 1e-9 * max(1.0, abs(high)):
        room = max(abs(high) * 0.05, 1.0)
        low, high = max(low - room, bounds[0]), min(high + room, bounds[1])
    rough = (high - low) / _STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]


def _row(
    position: int, name: str, value: str, bounds: str, places: tuple[str, str, str]
) -> PlotRow:
    top = _TOP + _ROW * position
    x, low_x, high_x = places
    return PlotRow(
        name=name,
        short_name=name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…",
        value=value,
        interval=bounds,
        text_y=top + 12,
        bar_y=top + 25,
        x=x,
        low_x=low_x,
        high_x=high_x,
    )


def _label(tick: float, ticks: list[float]) -> str:
    step = ticks[1] - ticks[0]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{tick + 0.0:.{decimals}f}".replace("-", MINUS)  # + 0.0: no negative zero
