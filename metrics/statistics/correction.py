"""Holm's correction for several tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metrics.statistics.arrays import FloatArray


def holm(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Return p-values adjusted so that the chance of any false finding stays below alpha.

    Undefined p-values (NaN) stay undefined and do not count as tests.
    Source: Holm (1979), "A simple sequentially rejective multiple test procedure".

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    tests_left = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * tests_left), 1.0)
    return adjusted
