"""In which order training sees its records, so that batches hold records of like length.

Equal to the original's (X-iZhang/Libra @0d6c56a, ``train/libra_trainer.py``) for the same random
draws, but that text-only data is balanced by length, where negative lengths misled it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from models.errors import InputError

IMAGE_WORDS = 128
"""What an image counts for in a record's length, in words."""

_SAMPLE_SEED = 27

Draw = Callable[[int], Sequence[int]]
"""Gives a permutation of ``range(n)``."""

T = TypeVar("T")


def length_grouped_order(
    lengths: Sequence[int],
    batch_size: int,
    world_size: int,
    gradient_accumulation_steps: int = 1,
    by_modality: bool = False,
    permutation: Draw | Sequence[int] | Sequence[Sequence[int]] | None = None,
) -> list[int]:
    """Return the indices of all records in the order in which an epoch takes them.

    Random megabatches of batch_size x world_size x gradient_accumulation_steps records are sorted
    by length, longest first, and dealt out so that every batch has about as much to do.

    Parameters
    ----------
    lengths
        A length per record; with ``by_modality`` negative for records without image.
    batch_size
        Records per device and step.
    world_size
        Number of devices.
    gradient_accumulation_steps
        Steps between two updates of the weights.
    by_modality
        Whether a megabatch is to hold records with image or without, never both; only the last
        one takes the rest of both.
    permutation
        Where randomness comes from: a function of n, one permutation, or the permutations in the
        order of use (with image, without, megabatches). None: torch's global generator.

    Raises
    ------
    InputError
        If a size is not positive, a length is 0 with ``by_modality``, or a permutation is none of
        the numbers that it is needed for.
    """
    chunks = world_size * gradient_accumulation_steps
    if min(batch_size, world_size, gradient_accumulation_steps) < 1:
        raise InputError(
            "batch_size, world_size and gradient_accumulation_steps must be at least 1."
        )
    draw = _drawn_by(permutation)
    if not by_modality:
        return _grouped(lengths, batch_size, chunks, draw)
    if 0 in lengths:
        raise InputError(
            "A record has the length 0, which is neither with image nor without. Leave records "
            "without a word out."
        )
    return _grouped_by_modality(lengths, batch_size, chunks, draw)


def record_lengths(records: Sequence[Mapping[str, Any]], *, by_modality: bool = False) -> list[int]:
    """Return each record's length in words, as ``length_grouped_order`` takes it.

    An image counts for 128 words; with ``by_modality`` for none, and records without are negative.
    """
    lengths = []
    for record in records:
        words = sum(len(turn["value"].split()) for turn in record["conversations"])
        if by_modality:
            lengths.append(words if "image" in record else -words)
        else:
            lengths.append(words + (IMAGE_WORDS if "image" in record else 0))
    return lengths


def validation_sample(records: Sequence[T], share: float) -> list[T]:
    """Return the share of the records that the original validates on; all, in order, at 1."""
    if not 0 < share <= 1:
        raise InputError(f"The share of validation records must be above 0 and at most 1: {share}.")
    if share == 1:
        return list(records)
    return random.Random(_SAMPLE_SEED).sample(list(records), int(len(records) * share))  # noqa: S311


def _grouped(lengths: Sequence[int], batch_size: int, chunks: int, draw: Draw) -> list[int]:
    shuffled = draw(len(lengths))
    order: list[int] = []
    for megabatch in _cut(shuffled, batch_size * chunks):
        longest_first = sorted(megabatch, key=lambda index: lengths[index], reverse=True)
        for chunk in _dealt(longest_first, lengths, chunks):
            order += chunk
    return order


def _grouped_by_modality(
    lengths: Sequence[int], batch_size: int, chunks: int, draw: Draw
) -> list[int]:
    kinds = [
        [index for index, length in enumerate(lengths) if length > 0],
        [index for index, length in enumerate(lengths) if length < 0],
    ]
    absolute = [abs(length) for length in lengths]
    if not all(kinds):
        return _grouped(absolute, batch_size, chunks, draw)
    full: list[Sequence[int]] = []
    rest: list[int] = []
    for kind in kinds:
        order = _grouped([absolute[i] for i in kind], batch_size, chunks, draw)
        # the last megabatch counts as the rest even where it is full, as in the original
        *whole, last = _cut([kind[i] for i in order], batch_size * chunks)
        full += whole
        rest += last
    megabatches = [*(full[i] for i in draw(len(full))), sorted(rest)]
    return [index for megabatch in megabatches for index in megabatch]


def _cut(indices: Sequence[int], size: int) -> list[Sequence[int]]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def _dealt(indices: Sequence[int], lengths: Sequence[int], chunks: int) -> list[Sequence[int]]:
    """Deal indices, the longest first, to the chunk with least to do that is not yet full."""
    if len(indices) % chunks:
        return [indices[first::chunks] for first in range(chunks)]
    dealt: list[list[int]] = [[] for _ in range(chunks)]
    load = [0] * chunks
    room = len(indices) // chunks
    for index in indices:
        least = min((c for c in range(chunks) if len(dealt[c]) < room), key=load.__getitem__)
        dealt[least].append(index)
        load[least] += lengths[index]
    return list(dealt)


def _drawn_by(permutation: Draw | Sequence[Any] | None) -> Draw:
    if permutation is None:
        return _torch_permutation
    if callable(permutation):
        return permutation
    nested = any(isinstance(one, Sequence) for one in permutation)
    return _given(iter(permutation if nested else [permutation]))


def _given(draws: Iterator[Sequence[int]]) -> Draw:
    def draw(count: int) -> Sequence[int]:
        permutation = next(draws, None)
        if permutation is None or sorted(permutation) != list(range(count)):
            raise InputError(
                f"A permutation of the numbers from 0 to {count - 1} is needed. Mixed modalities "
                "take three permutations: with image, without, and of the full megabatches."
            )
        return permutation

    return draw


def _torch_permutation(count: int) -> Sequence[int]:
    import torch

    drawn: list[int] = torch.randperm(count).tolist()
    return drawn
