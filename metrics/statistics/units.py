"""The units that are resampled: patients where they are known, samples otherwise."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.errors import InputError, MetricsWarning
from metrics.statistics.arrays import FloatArray, IndexArray

_FEW = 100


class FewUnitsWarning(MetricsWarning):
    """Intervals and p-values rest on so few units that they are only rough."""


@dataclass(frozen=True)
class Units:
    """Which unit each sample belongs to; units are numbered in order of first appearance."""

    index: IndexArray
    n_units: int
    name: str

    @classmethod
    def from_clusters(
        cls, clusters: Sequence[Hashable] | None, n: int, name: str = "subject_id"
    ) -> Units:
        """Return the units of ``n`` samples from one label per sample, or one unit per sample.

        Raises
        ------
        InputError
            If the number of labels is not ``n``, or a label is None or NaN.

        >>> Units.from_clusters(["p2", "p1", "p2"], 3).index.tolist()
        [0, 1, 0]
        """
        if clusters is None:
            return cls(np.arange(n, dtype=np.intp), n, "sample")
        if len(clusters) != n:
            raise InputError(
                f"There are {len(clusters)} values of {name} for {n} samples. Give one per sample."
            )
        numbers: dict[Hashable, int] = {}
        index = np.empty(n, dtype=np.intp)
        for row, label in enumerate(clusters):
            if _missing(label):
                raise InputError(
                    f"Sample {row + 1} of {n} has no {name}. Give every sample one, or resample by "
                    "sample."
                )
            index[row] = numbers.setdefault(label, len(numbers))
        return cls(index, len(numbers), name)

    @property
    def n_samples(self) -> int:
        """Number of samples over all units."""
        return self.index.size

    def sum(self, statistics: FloatArray) -> FloatArray:
        """Return statistics summed within units, shape (n_units, k), from shape (n, k)."""
        if self.n_units == self.n_samples:
            return np.asarray(statistics, dtype=np.float64)
        sums = np.empty((self.n_units, statistics.shape[1]))
        for column, values in enumerate(statistics.T):
            sums[:, column] = np.bincount(self.index, weights=values, minlength=self.n_units)
        return sums


def few_units(n_units: int, name: str = "unit") -> str | None:
    """Return what to tell the reader when there are fewer than 100 units, else None."""
    if n_units >= _FEW:
        return None
    return (
        f"Only {n_units} units ({name}) were resampled. Below {_FEW}, intervals tend to "
        "be too narrow and p-values are rough."
    )


def _missing(label: Hashable) -> bool:
    return label is None or (isinstance(label, float) and math.isnan(label))
