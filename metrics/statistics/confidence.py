"""Confidence intervals of many scores from one set of draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from metrics.statistics.arrays import FloatArray, Reduce
from metrics.statistics.exact import Key
from metrics.statistics.intervals import (
    Interval,
    bca_interval,
    check_bca_resamples,
    jackknife_scores,
    percentile_interval,
)
from metrics.statistics.resampling import replicates
from metrics.statistics.units import Units

Method = Literal["percentile", "bca"]


def confidence_intervals(
    statistics: Mapping[Key, FloatArray],
    reduces: Mapping[Key, Reduce],
    units: Units,
    *,
    resamples: int,
    seed: int,
    confidence: float = 0.95,
    method: Method = "percentile",
) -> dict[Key, list[Interval]]:
    """Return an interval per output for every key, such as (system, metric).

    ``statistics`` holds arrays of shape (samples, k). All keys share the resamples, and the
    interval of a key does not depend on the others. With no resamples, bounds are NaN.

    Raises
    ------
    InputError
        If a setting is out of range, statistics are not finite, or BCa gets too few resamples.
    """
    if method == "bca":
        check_bca_resamples(resamples)
    sums = {key: units.sum(array) for key, array in statistics.items()}
    intervals = {}
    for key, totals in replicates(sums, resamples, seed).items():
        reduce = reduces[key]
        scores = reduce(totals)
        if method == "percentile":
            intervals[key] = percentile_interval(scores, confidence)
        else:
            point = reduce(statistics[key].sum(axis=0))
            deleted = jackknife_scores(sums[key], reduce)
            intervals[key] = bca_interval(point, scores, deleted, confidence)
    return intervals
