"""Percentile and BCa intervals from bootstrap replicates.

Source: Efron and Tibshirani (1993), "An introduction to the bootstrap", chapters 13 and 14.
Undefined replicates (NaN) are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from metrics.errors import InputError
from metrics.statistics.arrays import FloatArray, Reduce

BCA_RESAMPLES = 5000

# Rounding of this size is no difference: a replicate this near to the score ties with it.
_ROUNDING = 1e-12
_JACKKNIFE_ROWS = 2**16


@dataclass(frozen=True)
class Interval:
    """Bounds of one score; NaN where no resample was defined."""

    low: float
    high: float
    undefined_resamples: int
    resamples: int
    confidence: float
    method: str


def percentile_interval(replicates: FloatArray, confidence: float) -> list[Interval]:
    """Return the central ``confidence`` share of replicates, an interval per output.

    ``replicates`` has shape (resamples, outputs). Quantiles are interpolated linearly.
    """
    levels = _central_levels(confidence)
    return [
        _interval(column, lambda _: levels, confidence, "percentile") for column in replicates.T
    ]


def bca_interval(
    point: FloatArray, replicates: FloatArray, jackknife: FloatArray, confidence: float
) -> list[Interval]:
    """Return bias-corrected and accelerated intervals, one per output.

    ``point`` has shape (outputs,), ``replicates`` (resamples, outputs), and ``jackknife``
    (units, outputs) holds the scores without one unit each. Half of the ties with the score count
    as below it; the bias is kept finite by counting at most all replicates but one on one side.

    Raises
    ------
    InputError
        If there are fewer than 5,000 resamples: the tail quantiles that BCa picks would be noise.
    """
    check_bca_resamples(len(replicates))
    levels = _central_levels(confidence)
    intervals = []
    for score, column, deleted in zip(point, replicates.T, jackknife.T, strict=True):
        acceleration = _acceleration(deleted)

        def corrected(
            values: FloatArray, score: float = float(score), acceleration: float = acceleration
        ) -> tuple[float, float]:
            bias = _bias(score, values)
            low, high = (_corrected_level(level, bias, acceleration) for level in levels)
            return low, high

        intervals.append(_interval(column, corrected, confidence, "bca"))
    return intervals


def jackknife_scores(unit_statistics: FloatArray, reduce: Reduce) -> FloatArray:
    """Return the scores without one unit each, shape (units, outputs), from (units, k)."""
    total = unit_statistics.sum(axis=0)
    starts = range(0, max(len(unit_statistics), 1), _JACKKNIFE_ROWS)
    pieces = (unit_statistics[start : start + _JACKKNIFE_ROWS] for start in starts)
    return np.concatenate([reduce(total - piece) for piece in pieces])


def check_bca_resamples(resamples: int) -> None:
    """Raise InputError if there are too few resamples for a BCa interval."""
    if resamples < BCA_RESAMPLES:
        raise InputError(
            f"BCa intervals need at least {BCA_RESAMPLES} resamples, not {resamples}. Raise the "
            "number of resamples or use the percentile method."
        )


def _interval(
    column: FloatArray,
    levels_of: Callable[[FloatArray], tuple[float, float]],
    confidence: float,
    method: str,
) -> Interval:
    values = np.sort(column[~np.isnan(column)])
    low, high = (
        (_quantile(values, level) for level in levels_of(values))
        if values.size
        else (math.nan, math.nan)
    )
    return Interval(low, high, column.size - values.size, column.size, confidence, method)


def _quantile(ordered: FloatArray, level: float) -> float:
    """Interpolate linearly between order statistics, of which some may be infinite."""
    position = (ordered.size - 1) * level
    below = math.floor(position)
    share = position - below
    low, high = float(ordered[below]), float(ordered[min(below + 1, ordered.size - 1)])
    if share == 0 or low == high or math.isinf(low):
        return low
    return low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)


def _central_levels(confidence: float) -> tuple[float, float]:
    if not 0 < confidence < 1:
        raise InputError(f"The confidence is {confidence}. Give a number between 0 and 1.")
    return (1 - confidence) / 2, (1 + confidence) / 2


def _bias(score: float, values: FloatArray) -> float:
    """z0: how far the score lies from the median of the replicates, in standard deviations."""
    with np.errstate(invalid="ignore"):
        tied = (values == score) | (np.abs(values - score) <= _ROUNDING * abs(score))
    below = np.count_nonzero((values < score) & ~tied) + np.count_nonzero(tied) / 2
    nearest_end = 1 / (values.size + 1)
    share = min(max(below / values.size, nearest_end), 1 - nearest_end)
    return NormalDist().inv_cdf(share)


def _acceleration(jackknife: FloatArray) -> float:
    """Skewness of the delete-one-unit scores over 6 root n; 0 where they do not vary."""
    values = jackknife[np.isfinite(jackknife)]
    if not values.size:
        return 0.0
    mean = values.mean()
    deviations = mean - values
    if np.abs(deviations).max() <= _ROUNDING * abs(mean):
        return 0.0
    scaled = deviations / np.abs(deviations).max()
    return float((scaled**3).sum() / (6 * (scaled**2).sum() ** 1.5))


def _corrected_level(level: float, bias: float, acceleration: float) -> float:
    normal = NormalDist()
    z = bias + normal.inv_cdf(level)
    remainder = 1 - acceleration * z
    if remainder <= 0:
        return 1.0 if z > 0 else 0.0
    return normal.cdf(bias + z / remainder)
