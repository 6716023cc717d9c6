"""The order in which tuning takes its records: seed and epoch alone decide it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from models.training.sampling import length_grouped_order


class TuningSampler(Sampler[int]):
    """Yields the place of every record once, in batches of like length.

    The order is that of all processes together: the batch of step s, accumulation a and process r
    is the next one in it, r changing fastest, which is how accelerate deals batches out. To go on
    within an epoch, take the same epoch and skip what was taken.

    Parameters
    ----------
    lengths
        Each record's length in tokens.
    batch_size, world_size, accumulation
        Records per process and step, processes, steps per update.
    seed
        Together with the epoch it decides the order.
    grouped
        False for a plain shuffle.
    """

    def __init__(
        self,
        lengths: NDArray[np.int32],
        batch_size: int,
        world_size: int = 1,
        accumulation: int = 1,
        *,
        seed: int,
        grouped: bool = True,
    ) -> None:
        self._lengths = lengths
        self._sizes = (batch_size, world_size, accumulation)
        self._seed = seed
        self._grouped = grouped
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that is iterated over next, counted from 0."""
        self._epoch = epoch

    def order(self, epoch: int) -> list[int]:
        """Return the places of all records in the order of an epoch."""
        draw = np.random.default_rng([self._seed, epoch])
        if not self._grouped:
            shuffled: list[int] = draw.permutation(len(self._lengths)).tolist()
            return shuffled
        return length_grouped_order(
            self._lengths.tolist(),
            *self._sizes,
            permutation=lambda count: draw.permutation(count).tolist(),
        )

    def __iter__(self) -> Iterator[int]:
        return iter(self.order(self._epoch))

    def __len__(self) -> int:
        return len(self._lengths)
