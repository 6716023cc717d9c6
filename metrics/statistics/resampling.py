"""Random draws: units with replacement for the bootstrap, units to swap for randomisation.

The draws depend on the seed and the number of units only, never on the size of the blocks in which
they are handed out, and all metrics and systems share them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from metrics.errors import InputError
from metrics.statistics.arrays import FloatArray, IndexArray
from metrics.statistics.exact import ExactColumns, Key

# 4 MiB of weights stay in the cache, fewer than 16 rows make the matrix product slow, and indices
# are drawn fastest when they stay in a core's own cache.
_BLOCK_ELEMENTS = 2**19
_SMALLEST_BLOCK = 16
_PIECE_ELEMENTS = 2**15
_RANDOMISATION_STREAM = 1


def resample_indices(n_units: int, resamples: int, seed: int) -> Iterator[IndexArray]:
    """Yield the units drawn for each resample, an array of ``n_units`` indices.

    These are the rows of ``default_rng(seed).integers(n_units, size=(resamples, n_units))``, so
    anyone can recompute any interval without this package.
    """
    generator = np.random.default_rng(_sequence(seed))
    for _ in range(_count(resamples)):
        if n_units == 0:
            yield np.empty(0, dtype=np.intp)
        else:
            yield generator.integers(n_units, size=n_units)


def resampling_weights(
    n_units: int, resamples: int, seed: int, block: int | None = None
) -> Iterator[FloatArray]:
    """Yield how often each unit was drawn, in blocks of shape (rows, n_units)."""
    generator = np.random.default_rng(_sequence(seed))
    piece = max(1, _PIECE_ELEMENTS // max(n_units, 1))
    for rows in _block_lengths(n_units, resamples, block):
        weights = np.empty((rows, n_units))
        for start in range(0, rows, piece):
            drawn_into = weights[start : start + piece]
            drawn_into[:] = _draw_counts(generator, drawn_into.shape)
        yield weights


def swap_masks(
    n_units: int, trials: int, seed: int, block: int | None = None
) -> Iterator[FloatArray]:
    """Yield for each trial which units swap systems (1.0) or stay (0.0), in blocks of rows."""
    sequence = _sequence(seed, _RANDOMISATION_STREAM)
    generator = np.random.default_rng(sequence)
    # The generator makes four bytes at a time: whole words keep the stream free of the block size.
    row_bytes = 4 * -(-n_units // 32)
    for rows in _block_lengths(n_units, trials, block):
        drawn = np.frombuffer(generator.bytes(rows * row_bytes), dtype=np.uint8)
        bits = np.unpackbits(drawn.reshape(rows, row_bytes), axis=1, count=n_units)
        yield bits.astype(np.float64)


def replicates(
    unit_statistics: Mapping[Key, FloatArray], resamples: int, seed: int, block: int | None = None
) -> dict[Key, FloatArray]:
    """Return bootstrap totals per key, shape (resamples, k), from statistics (units, k).

    The totals of a key are the same to the last bit whatever other keys there are.
    """
    columns = ExactColumns(unit_statistics)
    weights = resampling_weights(columns.n_units, resamples, seed, block)
    return columns.sums(weights)


def _draw_counts(generator: np.random.Generator, shape: tuple[int, ...]) -> IndexArray:
    """Draw several resamples at once and count them, shape (rows, units)."""
    rows, n_units = shape
    if n_units == 0:
        return np.empty(shape, dtype=np.intp)
    drawn = generator.integers(n_units, size=shape)
    drawn += n_units * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * n_units).reshape(shape)


def _block_lengths(n_units: int, rows: int, block: int | None) -> Iterator[int]:
    length = block or max(_SMALLEST_BLOCK, _BLOCK_ELEMENTS // max(n_units, 1))
    for start in range(0, _count(rows), length):
        yield min(length, rows - start)


def _sequence(seed: int, *stream: int) -> np.random.SeedSequence:
    if seed < 0:
        raise InputError(f"The seed is {seed}. Give a whole number of at least 0.")
    return np.random.SeedSequence(seed, spawn_key=stream)


def _count(resamples: int) -> int:
    if resamples < 0:
        raise InputError(f"The number of resamples is {resamples}. Give at least 0.")
    return resamples
