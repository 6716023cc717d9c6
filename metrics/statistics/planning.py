"""How large a test set it would take to tell an observed difference apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class SampleSize:
    """Studies, and units (patients) that they come from."""

    studies: int
    units: int


def studies_needed(
    difference: float,
    standard_error: float,
    n_units: int,
    n_studies: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> SampleSize | None:
    """Return the test set on which a true difference of this size would be found.

    A two-sided test at ``alpha`` finds it with probability ``power``. The standard error is taken
    to shrink with the root of the number of units, and studies per unit to stay as they are.
    None where the difference is zero or undefined, or where nothing varies.

    >>> studies_needed(0.02, 0.01, n_units=100, n_studies=250)
    SampleSize(studies=491, units=197)
    """
    known = math.isfinite(difference) and math.isfinite(standard_error)
    if not known or difference == 0 or standard_error == 0 or n_units == 0:
        return None
    normal = NormalDist()
    wanted = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    units = n_units * (wanted * standard_error / difference) ** 2
    if not math.isfinite(units):
        return None
    return SampleSize(studies=math.ceil(units * n_studies / n_units), units=math.ceil(units))
