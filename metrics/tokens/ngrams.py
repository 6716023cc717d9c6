"""N-grams of many texts at once: equal ones found by sorting integers, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.metric import FloatArray
from metrics.tokens.vocabulary import IdArray


@dataclass(frozen=True)
class Runs:
    """Places of n-grams of one order: those with the same gram on the same side form a run.

    ``places`` are the first tokens of all n-grams, run by run and rising within one. Per run:
    the ``first`` of its places, how many there are (``counts``), the ``sides`` and the ``group``,
    which numbers the grams. ``groups`` are the runs at which a new gram begins. Grams of
    different samples are different.
    """

    places: IdArray
    first: IdArray
    counts: IdArray
    sides: NDArray[np.int32]
    group: IdArray
    groups: IdArray


@dataclass(frozen=True)
class Batch:
    """The tokens of predictions and then of their references, one after the other.

    ``sample`` and ``side`` say per token which sample it belongs to and in which of its texts it
    stands: 0 is the prediction, 1 and up are the references. ``text`` counts all texts.
    """

    tokens: IdArray
    text: NDArray[np.int32]
    sample: NDArray[np.int32]
    side: NDArray[np.int32]
    lengths: IdArray

    @classmethod
    def of(
        cls,
        predictions: Sequence[IdArray],
        references: Sequence[IdArray],
        reference_counts: IdArray,
    ) -> Batch:
        """Lay out predictions and their flat references."""
        texts = [*predictions, *references]
        lengths = lengths_of(texts)
        samples = np.arange(len(predictions), dtype=np.int32)
        sample = np.concatenate((samples, np.repeat(samples, reference_counts)))
        firsts = np.repeat(np.cumsum(reference_counts) - reference_counts, reference_counts)
        within = (np.arange(1, len(references) + 1) - firsts).astype(np.int32)
        side = np.concatenate((np.zeros_like(samples), within))
        text = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
        tokens = np.concatenate(texts) if texts else np.zeros(0, np.int64)
        return cls(tokens.astype(np.int64, copy=False), text, sample[text], side[text], lengths)

    def words(self) -> Runs:
        """Return the runs of single tokens."""
        base = np.int64(self.tokens.max(initial=0) + 1)
        return self._runs(np.arange(len(self.tokens)), self.sample * base + self.tokens)

    def longer(self, found: Runs, kept: NDArray[np.bool_]) -> Runs:
        """Return the runs of n-grams one token longer that are made of two ``kept`` grams.

        Two overlapping grams make the longer one; ``kept`` has an entry per gram of ``found``.
        """
        ids = np.full(len(self.tokens), -1)
        gram_ids = np.where(kept, np.arange(len(kept)), -1)
        ids[found.places] = np.repeat(gram_ids[found.group], found.counts)
        known = ids >= 0
        places = np.flatnonzero(known[:-1] & known[1:] & (self.text[:-1] == self.text[1:]))
        # Grams are in the order of samples; numbered within one, the second makes short integers.
        owners = self.sample[found.first[found.groups]]
        firsts = np.searchsorted(owners, np.arange(len(self.lengths)))
        second = ids[places + 1] - firsts[self.sample[places]]
        return self._runs(places, ids[places] * (second.max(initial=0) + 1) + second)

    def _runs(self, places: IdArray, grams: IdArray) -> Runs:
        order = _stable_order(grams)
        places, grams = places[order], grams[order]
        # Texts of a sample come in the order of their sides, and so do the places of a gram.
        sides = self.side[places]
        new_gram = _changes(grams)
        starts = np.flatnonzero(new_gram | _changes(sides))
        new_gram = new_gram[starts]
        return Runs(
            places=places,
            first=places[starts],
            counts=np.diff(starts, append=len(places)),
            sides=sides[starts],
            group=np.cumsum(new_gram) - 1,
            groups=np.flatnonzero(new_gram),
        )


def clipped_matches(
    predictions: Sequence[IdArray],
    references: Sequence[IdArray],
    reference_counts: IdArray,
    max_order: int,
) -> FloatArray:
    """Return how many n-grams of each prediction its references have, shape (n, max_order).

    An n-gram counts as often as it occurs in the prediction, at most as often as in the reference
    that has most of it: BLEU's clipped count.
    """
    batch = Batch.of(predictions, references, reference_counts)
    matches = np.zeros((len(predictions), max_order))
    found = batch.words()
    for order in range(max_order):
        if not len(found.places):
            break
        clipped = _clipped(found)
        owners = batch.sample[found.first[found.groups]]
        matches[:, order] = np.bincount(owners, clipped, len(predictions))
        if order + 1 < max_order:
            # Longer n-grams match only where all shorter ones in them do: few places are left.
            found = batch.longer(found, clipped > 0)
    return matches


def lengths_of(texts: Sequence[IdArray]) -> IdArray:
    """Return the number of tokens of each text."""
    return np.fromiter(map(len, texts), np.int64, len(texts))


def closest_lengths(lengths: IdArray, candidates: IdArray, counts: IdArray) -> IdArray:
    """Return the reference length nearest to each prediction's length, ties to the shorter.

    ``candidates`` are the lengths of the flat references, ``counts`` how many a sample has.
    """
    base = int(candidates.max(initial=0)) + 1
    distance = np.abs(candidates - np.repeat(lengths, counts))
    # one integer orders by distance first and then by length
    firsts = np.cumsum(counts) - counts
    closest: IdArray = np.minimum.reduceat(distance * base + candidates, firsts) % base
    return closest


def totals(lengths: IdArray, max_order: int) -> FloatArray:
    """Return how many n-grams texts of these lengths have, shape (n, max_order)."""
    possible: FloatArray = np.maximum(lengths[:, None] - np.arange(max_order), 0).astype(float)
    return possible


def _clipped(found: Runs) -> IdArray:
    """Return per gram its count in the prediction, at most the largest in one reference."""
    predicted = np.where(found.sides == 0, found.counts, 0)[found.groups]
    referenced = np.maximum.reduceat(np.where(found.sides > 0, found.counts, 0), found.groups)
    return np.minimum(predicted, referenced)


def _stable_order(values: IdArray) -> IdArray:
    """Return the stable sorting order; NumPy sorts 16-bit integers by radix, others by merging."""
    bits = int(values.max(initial=0)).bit_length()
    if bits > 48:
        return np.argsort(values, kind="stable")
    order = np.argsort(values.astype(np.uint16), kind="stable")
    for shift in range(16, bits, 16):
        order = order[np.argsort((values >> shift).astype(np.uint16)[order], kind="stable")]
    return order


def _changes(values: NDArray[np.signedinteger]) -> NDArray[np.bool_]:
    """Return whether each value differs from the one before; the first does."""
    changed = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=changed[1:])
    return changed
