"""In how many samples' references each n-gram occurs: the weights of CIDEr-D."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.metric import FloatArray
from metrics.tokens.ngrams import Batch
from metrics.tokens.vocabulary import IdArray, Vocabulary


@dataclass(frozen=True, eq=False)
class DocumentFrequency:
    """Document frequencies of the n-grams of a test set's references, portable between processes.

    ``names`` are the tokens that occur. N-grams form a tree: the ``keys`` of an order are sorted,
    and each is the row of the gram one shorter in the order before, times the number of tokens,
    plus the last token's place in ``names``. ``samples`` holds the frequency of each key.
    """

    names: tuple[str, ...]
    keys: tuple[IdArray, ...]
    samples: tuple[FloatArray, ...]
    size: int

    @classmethod
    def of(
        cls,
        references: Sequence[IdArray],
        reference_counts: IdArray,
        vocabulary: Vocabulary,
        max_order: int,
    ) -> DocumentFrequency:
        """Count every n-gram once per sample that has it in any reference."""
        nothing = [np.zeros(0, np.int64)] * len(reference_counts)
        batch = Batch.of(nothing, references, reference_counts)
        known, tokens = np.unique(batch.tokens, return_inverse=True)
        size = len(reference_counts)
        keys, samples = [], []
        rows = np.zeros(len(tokens), np.int64)
        for order in range(max_order):
            places = _places(batch.text, order)
            grams = rows[places] * len(known) + tokens[places + order]
            found, inverse = np.unique(grams, return_inverse=True)
            keys.append(found)
            in_sample = np.unique(inverse * size + batch.sample[places])
            samples.append(np.bincount(in_sample // size, minlength=len(found)).astype(float))
            rows = np.zeros_like(rows)
            rows[places] = inverse
        return cls(tuple(vocabulary.names(known)), tuple(keys), tuple(samples), size)

    def weights(self, batch: Batch, vocabulary: Vocabulary) -> Iterator[FloatArray]:
        """Yield, for orders 1, 2, …, the weight of the n-gram that begins at each token.

        The weight is log(samples / samples that have it), with at least one that has it.
        """
        tokens, text = batch.tokens, batch.text
        known = vocabulary.ids_of(self.names)
        place_of = np.full(int(max(tokens.max(initial=0), known.max(initial=0))) + 1, -1)
        place_of[known] = np.arange(len(known))
        last = place_of[tokens]
        rows = np.zeros(len(tokens), np.int64)
        for order, (keys, samples) in enumerate(zip(self.keys, self.samples, strict=True)):
            places = _places(text, order)
            places = places[(rows[places] >= 0) & (last[places + order] >= 0)]
            grams = rows[places] * len(known) + last[places + order]
            found = np.searchsorted(keys, grams)
            hit = keys[np.minimum(found, len(keys) - 1)] == grams if len(keys) else grams < 0
            rows = np.full_like(rows, -1)
            rows[places[hit]] = found[hit]
            frequency = np.ones(len(tokens))
            frequency[places[hit]] = samples[found[hit]]
            yield np.log(float(self.size)) - np.log(frequency)


def _places(text: NDArray[np.int32], order: int) -> IdArray:
    """Return where n-grams of ``order`` + 1 tokens begin that stay within their text."""
    return np.flatnonzero(text[: len(text) - order] == text[order:])
