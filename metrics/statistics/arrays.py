"""Types shared by the statistics modules."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]

Reduce = Callable[[FloatArray], FloatArray]
"""From summed statistics of shape (..., k) to scores of shape (..., outputs)."""
