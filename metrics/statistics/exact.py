"""Weighted sums that are equal to the last bit, however the matrix product is computed.

A matrix product adds in an order that depends on the library, the number of threads and the shape
of both matrices. Here every column is split into two parts on grids of powers of two that are so
coarse that all products and partial sums of a part are exact. Then the order cannot matter, and a
total is rounded once. The idea is that of Ozaki et al. (2012), "Error-free transformations of
matrix multiplication", Numerical Algorithms 59.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

import numpy as np

from metrics.errors import InputError
from metrics.statistics.arrays import FloatArray

Key = TypeVar("Key", bound=Hashable)

# One bit less than the significand holds, since rounding to the grid can add up to half a step.
_BITS = 52
_SMALLEST_EXPONENT = -1074


class ExactColumns(Generic[Key]):
    """The columns of several arrays of shape (units, k), ready for exact weighted sums.

    The weights of a sum must be non-negative whole numbers that add up to at most the number of
    units.
    """

    def __init__(self, arrays: Mapping[Key, FloatArray]) -> None:
        self._widths = {key: array.shape[1] for key, array in arrays.items()}
        self.n_units = _common_length(arrays)
        self._n_columns = sum(self._widths.values())
        parts = np.empty((2 * self._n_columns, self.n_units))
        self._with_low_part: list[int] = []
        columns = ((key, column) for key, array in arrays.items() for column in array.T)
        for number, (key, column) in enumerate(columns):
            if not np.isfinite(column).all():
                raise InputError(
                    f"Statistics of {key!r} are not finite. A metric returns finite sums and "
                    "leaves undefined scores to reduce()."
                )
            high = parts[number] = _on_grid(column)
            low = column - high
            if low.any():
                parts[self._n_columns + len(self._with_low_part)] = _on_grid(low)
                self._with_low_part.append(number)
        self._parts = parts[: self._n_columns + len(self._with_low_part)]

    def sums(self, blocks: Iterable[FloatArray]) -> dict[Key, FloatArray]:
        """Return weighted sums per key, shape (rows, k), from blocks of weights (rows, units)."""
        empty = np.empty((0, self._n_columns))
        totals = np.concatenate([empty, *(self._block_sums(weights) for weights in blocks)])
        ends = itertools.accumulate(self._widths.values())
        # Copies, so that the memory layout that reduce() sees does not depend on other keys.
        return {
            key: totals[:, end - width : end].copy()
            for (key, width), end in zip(self._widths.items(), ends, strict=True)
        }

    def _block_sums(self, weights: FloatArray) -> FloatArray:
        sums = weights @ self._parts.T
        totals: FloatArray = sums[:, : self._n_columns]
        totals[:, self._with_low_part] += sums[:, self._n_columns :]
        return totals


def _on_grid(values: FloatArray) -> FloatArray:
    """Round to multiples of a power of two, so that ``n`` times the largest has 52 bits."""
    largest = float(np.max(np.abs(values), initial=0.0))
    exponent = int(np.frexp(largest)[1]) + len(values).bit_length() - _BITS
    grid = np.ldexp(1.0, max(exponent, _SMALLEST_EXPONENT))
    rounded: FloatArray = np.rint(values / grid) * grid
    return rounded


def _common_length(arrays: Mapping[Key, FloatArray]) -> int:
    lengths = {len(array) for array in arrays.values()}
    if len(lengths) > 1:
        raise InputError(
            f"Statistics over {min(lengths)} and over {max(lengths)} units cannot be resampled "
            "together. Use the same units for all of them."
        )
    return lengths.pop() if lengths else 0
