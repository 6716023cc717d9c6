"""The order in which tuning takes its records: seed and epoch alone decide it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from models.training.sampling import length_grouped_order

_POOL = 50
"""Updates whose records are sorted together, as transformers has it."""


class TuningSampler(Sampler[int]):
    """Yields the place of every record once, in batches of like length.

    The order is that of all processes together: the batch of step s, accumulation a and process r
    is the next one in it, r changing fastest, which is how accelerate deals batches out. To go on
    within an epoch, take the same epoch and skip what was taken.

    The original sorts the records of one update alone: on one device that is no grouping. Here
    those of 50 updates are sorted, their updates shuffled again, and each is dealt out as the
    original does. The update with the longest record is the first, so that memory runs out at once
    if it does.

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
        shuffled = draw.permutation(len(self._lengths))
        if self._grouped:
            pooled = self._pooled(shuffled, draw)
            return length_grouped_order(
                self._lengths.tolist(), *self._sizes, permutation=lambda count: pooled
            )
        whole: list[int] = shuffled.tolist()
        return whole

    def _pooled(self, shuffled: NDArray[np.int64], draw: np.random.Generator) -> list[int]:
        """Return records so that those of one update are of like length; what is left is last."""
        size = math.prod(self._sizes)
        updates = []
        for start in range(0, len(shuffled), size * _POOL):
            pool = shuffled[start : start + size * _POOL]
            pool = pool[np.argsort(-self._lengths[pool], kind="stable")]
            updates += [pool[i : i + size] for i in range(0, len(pool), size)]
        *whole, last = updates
        order = draw.permutation(len(whole)).tolist()
        longest = max(order, key=lambda i: int(self._lengths[whole[i][0]]), default=None)
        if longest is not None:
            order.remove(longest)
            order.insert(0, longest)
        return [int(one) for part in [*(whole[i] for i in order), last] for one in part]

    def __iter__(self) -> Iterator[int]:
        return iter(self.order(self._epoch))

    def __len__(self) -> int:
        return len(self._lengths)
