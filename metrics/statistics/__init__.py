"""Intervals and paired tests from additive statistics, resampled by patient.

>>> import numpy as np
>>> scores = np.array([[0.2, 1.0], [0.4, 1.0], [0.9, 1.0]])      # a mean: the sum and the count
>>> units = Units.from_clusters(["p1", "p1", "p2"], 3)
>>> totals = replicates({"mean": units.sum(scores)}, resamples=1000, seed=0)["mean"]
>>> interval, = percentile_interval(totals[:, :1] / totals[:, 1:], confidence=0.95)
>>> round(interval.low, 6), round(interval.high, 6)
(0.3, 0.9)
"""

from metrics.statistics.arrays import FloatArray, IndexArray, Reduce
from metrics.statistics.comparison import PairedComparison, Scorer, compare_systems
from metrics.statistics.confidence import Method, confidence_intervals
from metrics.statistics.correction import holm
from metrics.statistics.intervals import (
    BCA_RESAMPLES,
    Interval,
    bca_interval,
    jackknife_scores,
    percentile_interval,
)
from metrics.statistics.paired import (
    PairedBootstrap,
    approximate_randomisation,
    paired_bootstrap,
)
from metrics.statistics.planning import SampleSize, studies_needed
from metrics.statistics.resampling import (
    replicates,
    resample_indices,
    resampling_weights,
    swap_masks,
)
from metrics.statistics.units import FewUnitsWarning, Units, few_units

__all__ = [
    "BCA_RESAMPLES",
    "FewUnitsWarning",
    "FloatArray",
    "IndexArray",
    "Interval",
    "Method",
    "PairedBootstrap",
    "PairedComparison",
    "Reduce",
    "SampleSize",
    "Scorer",
    "Units",
    "approximate_randomisation",
    "bca_interval",
    "compare_systems",
    "confidence_intervals",
    "few_units",
    "holm",
    "jackknife_scores",
    "paired_bootstrap",
    "percentile_interval",
    "replicates",
    "resample_indices",
    "resampling_weights",
    "studies_needed",
    "swap_masks",
]
