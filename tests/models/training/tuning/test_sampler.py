"""The order of an epoch is decided by seed and epoch, and batches hold records of like length."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.training.sampling import length_grouped_order
from models.training.tuning.sampler import TuningSampler

LENGTHS = np.random.default_rng(0).integers(20, 400, 103).astype(np.int32)


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
)
def test_every_record_comes_once(
    lengths: list[int], batch: int, world: int, accumulation: int, grouped: bool
) -> None:
    sizes = np.array(lengths, np.int32)
    sampler = TuningSampler(sizes, batch, world, accumulation, seed=3, grouped=grouped)
    assert len(lengths) == len(sampler)
    assert list(range(len(lengths))) == sorted(sampler)


def test_seed_and_epoch_alone_decide_the_order() -> None:
    first, again = (TuningSampler(LENGTHS, 4, 2, seed=7) for _ in range(2))
    assert list(first) == list(again)
    first.set_epoch(1)
    assert list(first) == again.order(1) != again.order(0)
    assert list(TuningSampler(LENGTHS, 4, 2, seed=8)) != again.order(0)


def test_an_update_is_dealt_out_as_the_original_does() -> None:
    order = TuningSampler(LENGTHS, 2, 3, 2, seed=7).order(2)
    for start in range(0, 96, 12):
        update = order[start : start + 12]
        dealt = length_grouped_order(LENGTHS[update].tolist(), 2, 3, 2, permutation=range(12))
        loads = [sum(int(LENGTHS[update[i]]) for i in dealt[j : j + 2]) for j in range(0, 12, 2)]
        assert sorted(loads) == sorted(
            int(LENGTHS[update[j : j + 2]].sum()) for j in range(0, 12, 2)
        )


def test_the_longest_record_is_in_the_first_update_and_the_rest_at_the_end() -> None:
    for epoch in range(5):
        order = TuningSampler(LENGTHS, 4, 2, seed=1).order(epoch)
        assert LENGTHS.max() == LENGTHS[order[:8]].max()
        assert 103 % 8 == len(order[96:])


def test_batches_hold_records_of_like_length() -> None:
    def spread(grouped: bool) -> float:
        order = TuningSampler(LENGTHS, 4, seed=1, grouped=grouped).order(0)
        batches = [LENGTHS[order[i : i + 4]] for i in range(0, 96, 4)]
        return float(np.mean([batch.max() / batch.mean() for batch in batches]))

    assert spread(grouped=True) < 1.1 < 1.5 < spread(grouped=False)
