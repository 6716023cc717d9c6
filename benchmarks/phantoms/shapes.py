"""Soft-edged shapes on a grid, from exactly rounded arithmetic only.

Additions, products, quotients and square roots of float64 give the same bits on every platform;
exponentials, trigonometry and sums over an axis need not, so none is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
Point = tuple[float, float]


def edge(distance: Field, softness: float) -> Field:
    """Return 0 outside, 1 inside, smooth over ``softness`` on both sides of distance 0."""
    t = distance / (2 * softness)
    t += 0.5
    np.maximum(t, 0.0, out=t)
    np.minimum(t, 1.0, out=t)
    smooth = -2.0 * t
    smooth += 3.0
    smooth *= t
    smooth *= t
    return smooth


def bump(x: Field, y: Field, center: Point, radius: Point) -> Field:
    """Return a round hill: 1 at the centre, 0 from the radius on."""
    dx, dy = (x - center[0]) / radius[0], (y - center[1]) / radius[1]
    k = np.clip(1.0 - (dx * dx + dy * dy), 0.0, None)
    return k * k


def ellipse(
    x: Field, y: Field, center: Point, radius: Point, softness: float, tilt: float = 0.0
) -> Field:
    """Return a filled ellipse; ``tilt`` is the tangent of half its angle of rotation."""
    cosine, sine = (1 - tilt * tilt) / (1 + tilt * tilt), 2 * tilt / (1 + tilt * tilt)
    dx, dy = x - center[0], y - center[1]
    along, across = (dx * cosine + dy * sine) / radius[0], (dy * cosine - dx * sine) / radius[1]
    return edge((1.0 - np.sqrt(along * along + across * across)) * min(radius), softness)


def box(x: Field, y: Field, center: Point, half: Point, softness: float) -> Field:
    """Return a filled upright rectangle."""
    inside_x = edge(half[0] - np.abs(x - center[0]), softness)
    return inside_x * edge(half[1] - np.abs(y - center[1]), softness)


def stroke(x: Field, y: Field, points: Sequence[Point], width: float, pixel: float) -> Field:
    """Return a line through the points; thinner than a pixel it is drawn a pixel wide."""
    half = max(width / 2, 0.55 * pixel)
    rows, columns = _around(x, y, points, half + pixel)
    near_x, near_y = x[rows, columns], y[rows, columns]
    nearest = np.full(near_x.shape, 9.0)
    for (x0, y0), (x1, y1) in pairwise(points):
        dx, dy = x1 - x0, y1 - y0
        length = max(dx * dx + dy * dy, 1e-12)
        t = np.clip(((near_x - x0) * dx + (near_y - y0) * dy) / length, 0.0, 1.0)
        off_x, off_y = near_x - (x0 + t * dx), near_y - (y0 + t * dy)
        nearest = np.minimum(nearest, off_x * off_x + off_y * off_y)
    drawn = np.zeros(x.shape)
    drawn[rows, columns] = edge(half - np.sqrt(nearest), 0.5 * pixel)
    return drawn


def _around(x: Field, y: Field, points: Sequence[Point], margin: float) -> tuple[slice, slice]:
    """Return the part of the grid that can lie within the margin of the points."""
    columns = _span(x[0], x[-1], [point[0] for point in points], margin)
    return _span(y[:, 0], y[:, -1], [point[1] for point in points], margin), columns


def _span(one_end: Field, other_end: Field, places: Sequence[float], margin: float) -> slice:
    # The grid is straight, so each of its lines lies between the values at its two ends.
    low, high = min(places) - margin, max(places) + margin
    reached = (np.minimum(one_end, other_end) <= high) & (np.maximum(one_end, other_end) >= low)
    inside = np.flatnonzero(reached)
    return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)


def curve(start: Point, pull: Point, end: Point, steps: int = 6) -> list[Point]:
    """Return points of a quadratic Bézier curve."""
    points = []
    for i in range(steps + 1):
        t = i / steps
        a, b, c = (1 - t) * (1 - t), 2 * t * (1 - t), t * t
        points.append(
            (a * start[0] + b * pull[0] + c * end[0], a * start[1] + b * pull[1] + c * end[1])
        )
    return points
