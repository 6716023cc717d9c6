"""Random draws that are the same on every platform and with every numpy release.

Only the raw PCG64 stream is used: numpy promises that it never changes, which it does not
promise for the methods of its Generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

_BYTES_MEAN = 8 * 127.5
_BYTES_DEVIATION = 209.023  # of the sum of eight uniform bytes: sqrt(8 * (256**2 - 1) / 12)


class Draws:
    """A stream of draws that depends on nothing but its key, a few whole numbers."""

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def fraction(self) -> float:
        """Return a number in [0, 1)."""
        return (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self.fraction()

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self.fraction() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.fraction() < probability

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.whole(0, len(options) - 1)]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Return a key, as often as its weight says; the weights need not sum to 1."""
        left = self.fraction() * sum(weights.values())
        options = list(weights)
        for option in options:
            left -= weights[option]
            if left < 0:
                return option
        return options[-1]

    def noise(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return nearly normal noise of mean 0 and deviation 1."""
        raw: NDArray[np.uint64] = np.asarray(self._bits.random_raw(shape[0] * shape[1]))
        sums = np.zeros(raw.shape, np.uint64)
        for byte in range(8):
            sums += (raw >> np.uint64(8 * byte)) & np.uint64(255)
        centered: NDArray[np.float64] = sums.astype(np.float64) - _BYTES_MEAN
        return centered.reshape(shape) / _BYTES_DEVIATION
