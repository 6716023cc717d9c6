"""Correlation of two numbers per sample, with bootstrap intervals over units.

Sources: Kendall's tau-b (Kendall 1945, ties corrected); Pearson's r. Both equal `scipy.stats` up to
rounding. Resampled units bring all their samples, so that samples of one study stay together; a
sample drawn twice ties with itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metrics.errors import InputError
from metrics.statistics.arrays import FloatArray
from metrics.statistics.intervals import percentile_interval
from metrics.statistics.resampling import resampling_weights
from metrics.statistics.units import Units

_BLOCK = 2**22
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Correlation:
    """A coefficient over ``n`` samples; NaN where one side does not vary or nothing is left.

    ``low`` and ``high`` are None without (defined) resamples.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    n_units: int
    undefined_resamples: int


def kendall(
    x: FloatArray,
    y: FloatArray,
    units: Units,
    *,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Correlation:
    """Return Kendall's tau-b of two arrays of shape (n,); samples with a NaN are left out.

    The time grows with resamples times n squared: minutes for ten thousand samples.

    Raises
    ------
    InputError
        If the lengths differ, or a setting is out of range.
    """
    return _correlation(_tau_b, x, y, units, resamples, seed, confidence)


def pearson(
    x: FloatArray,
    y: FloatArray,
    units: Units,
    *,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Correlation:
    """Return Pearson's r of two arrays of shape (n,); samples with a NaN are left out.

    Raises
    ------
    InputError
        If the lengths differ, or a setting is out of range.
    """
    return _correlation(_pearson, x, y, units, resamples, seed, confidence)


def _correlation(
    coefficient: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
    x: FloatArray,
    y: FloatArray,
    units: Units,
    resamples: int,
    seed: int,
    confidence: float,
) -> Correlation:
    if not len(x) == len(y) == units.n_samples:
        raise InputError(
            f"There are {len(x)} and {len(y)} values for {units.n_samples} samples. "
            "Give one of each per sample."
        )
    kept = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    x, y = x[kept], y[kept]
    own = Units.from_clusters(units.index[kept].tolist(), len(kept), units.name)
    value = float(coefficient(x, y, np.ones((1, len(kept))))[0])
    drawn = [
        coefficient(x, y, weights[:, own.index])
        for weights in resampling_weights(own.n_units, resamples, seed)
    ]
    if not drawn:
        return Correlation(value, None, None, len(kept), own.n_units, 0)
    (found,) = percentile_interval(np.concatenate(drawn)[:, None], confidence)
    undefined = found.undefined_resamples
    if undefined == resamples:
        return Correlation(value, None, None, len(kept), own.n_units, undefined)
    return Correlation(value, found.low, found.high, len(kept), own.n_units, undefined)


def _tau_b(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """Return tau-b per row of how often each sample was drawn, shape (rows, n)."""
    sums = np.zeros((3, len(weights)))
    step = max(1, _BLOCK // max(len(x), 1))
    for start in range(0, len(x), step):
        block = slice(start, start + step)
        in_x = np.sign(x[block, None] - x)
        in_y = np.sign(y[block, None] - y)
        # whole numbers below 2**53: the products are exact in any order
        for row, pairs in enumerate((in_x * in_y, np.abs(in_x), np.abs(in_y))):
            sums[row] += ((weights[:, block] @ pairs) * weights).sum(axis=1)
    agreeing, distinct_x, distinct_y = sums
    return _quotient(agreeing, np.sqrt(distinct_x * distinct_y))


def _pearson(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """Return r per row of weights; values are centred first, so that nothing cancels."""
    if not len(x):
        return np.full(len(weights), np.nan)
    counts = weights.sum(axis=1)
    x, y = x - x.mean(), y - y.mean()
    mean_x, mean_y = weights @ x / counts, weights @ y / counts
    spread_x = weights @ x**2 - counts * mean_x**2
    spread_y = weights @ y**2 - counts * mean_y**2
    # what is left of a constant by rounding is no spread
    spread_x[spread_x <= _ROUNDING * (weights @ x**2)] = 0.0
    spread_y[spread_y <= _ROUNDING * (weights @ y**2)] = 0.0
    together = weights @ (x * y) - counts * mean_x * mean_y
    return _quotient(together, np.sqrt(spread_x * spread_y))


def _quotient(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    out: FloatArray = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out.clip(-1.0, 1.0)
