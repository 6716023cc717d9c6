"""Two tests of whether two systems differ, on the same studies.

Both are two-sided and add one to the count of extreme draws and to the count of draws, so that no
p-value is 0 (Phipson and Smyth 2010). Draws with an undefined score are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metrics.statistics.arrays import FloatArray, Reduce
from metrics.statistics.exact import ExactColumns
from metrics.statistics.intervals import percentile_interval
from metrics.statistics.resampling import swap_masks

# Rounding of this size is no difference: swapping all units must tie with the observed scores.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class PairedBootstrap:
    """Interval, p-value and standard error of one difference; NaN where undefined."""

    low: float
    high: float
    p: float
    standard_error: float
    undefined_resamples: int


def paired_bootstrap(
    scores_a: FloatArray, scores_b: FloatArray, difference: FloatArray, confidence: float
) -> list[PairedBootstrap]:
    """Return the bootstrap of ``a - b`` per output.

    ``scores_a`` and ``scores_b`` have shape (resamples, outputs) and come from the same resamples;
    ``difference`` (outputs,) is the one observed. The p-value is that of the shift method:
    replicates are moved to mean 0, and those at least as far from 0 as the observed difference are
    counted (Noreen 1989; Riezler and Maxwell 2005).
    """
    with np.errstate(invalid="ignore"):
        differences = scores_a - scores_b
    intervals = percentile_interval(differences, confidence)
    results = []
    for column, observed, interval in zip(differences.T, difference, intervals, strict=True):
        values = column[~np.isnan(column)]
        results.append(
            PairedBootstrap(
                interval.low,
                interval.high,
                _shift_p(values, float(observed)),
                _spread(values),
                interval.undefined_resamples,
            )
        )
    return results


def approximate_randomisation(
    units_a: FloatArray, units_b: FloatArray, reduce: Reduce, *, trials: int, seed: int
) -> FloatArray:
    """Return the p-value of each output's difference from statistics of shape (units, k).

    In each trial every unit swaps its two systems with probability one half; trials whose absolute
    difference is at least the observed one are counted (Noreen 1989).
    """
    columns = ExactColumns({"a": units_a, "b": units_b})
    totals = columns.sums([np.ones((1, columns.n_units))])
    swapped = columns.sums(swap_masks(columns.n_units, trials, seed))
    return randomisation_p(reduce, totals["a"], totals["b"], swapped["a"], swapped["b"])


def randomisation_p(
    reduce: Reduce,
    total_a: FloatArray,
    total_b: FloatArray,
    swapped_a: FloatArray,
    swapped_b: FloatArray,
) -> FloatArray:
    """Return p-values (outputs,) from totals (1, k) and the sums of swapped units (trials, k)."""
    score_a, score_b = reduce(total_a), reduce(total_b)
    with np.errstate(invalid="ignore"):
        observed = np.abs(score_a - score_b)[0]
        tolerance = _ROUNDING * (np.abs(score_a) + np.abs(score_b))[0]
        trial_a = reduce(total_a - swapped_a + swapped_b)
        trial_b = reduce(total_b - swapped_b + swapped_a)
        trials = np.abs(trial_a - trial_b)
        extreme = trials >= np.where(np.isinf(observed), observed, observed - tolerance)
    p = (extreme.sum(axis=0) + 1) / ((~np.isnan(trials)).sum(axis=0) + 1)
    return np.where(np.isnan(observed), np.nan, p)


def _shift_p(values: FloatArray, observed: float) -> float:
    if not (math.isfinite(observed) and values.size and np.isfinite(values).all()):
        return math.nan
    extreme = np.abs(values - values.mean()) >= abs(observed)
    return (int(extreme.sum()) + 1) / (values.size + 1)


def _spread(values: FloatArray) -> float:
    if values.size < 2 or not np.isfinite(values).all():
        return math.nan
    if np.ptp(values) <= _ROUNDING * np.abs(values).max():
        return 0.0
    return float(values.std(ddof=1))
