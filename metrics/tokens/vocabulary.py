"""Token ids: texts to arrays of integers, with every distinct word analysed once."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray

IdArray = NDArray[np.int64]


class _WordRows(dict[str, int]):
    """Row of each word; a word not seen before is given one by ``add``."""

    def __init__(self, add: Callable[[str], int]) -> None:
        self._add = add

    def __missing__(self, word: str) -> int:
        row = self[word] = self._add(word)
        return row


class Vocabulary:
    """Ids of the tokens of one tokeniser whose rules never look beyond a word.

    The ids of a word's tokens are remembered for the life of the process, which grows with the
    distinct words of a language and not with the number of texts. Ids depend on the order in which
    words come, so scores may compare ids but never order by them.

    Parameters
    ----------
    words
        Cuts a text into words.
    tokens
        Cuts a word into its tokens, of which there may be none.
    """

    def __init__(
        self, words: Callable[[str], list[str]], tokens: Callable[[str], Sequence[str]]
    ) -> None:
        self._words = words
        self._tokens = tokens
        self._token_ids: dict[str, int] = {}
        self._rows = _WordRows(self._add)
        self._starts = array("q")
        self._counts = array("q")
        self._ids = array("q")
        self._lock = Lock()

    def encode(self, texts: Sequence[str]) -> list[IdArray]:
        """Return the token ids of each text."""
        words = [self._words(text) for text in texts]
        sizes = np.fromiter(map(len, words), np.int64, len(words))
        with self._lock:
            rows = np.fromiter(
                map(self._rows.__getitem__, chain.from_iterable(words)), np.int64, int(sizes.sum())
            )
            # copies: an array with a live view cannot grow
            starts, counts, ids = (
                np.array(values, np.int64) for values in (self._starts, self._counts, self._ids)
            )
        flat, lengths = _expand(rows, starts, counts, ids)
        ends = np.concatenate(([0], np.cumsum(lengths)))[np.cumsum(sizes)] if len(rows) else sizes
        bounds = [0, *ends.tolist()]
        return [flat[start:end] for start, end in pairwise(bounds)]

    def token_list(self, text: str) -> list[str]:
        """Return the tokens of one text as strings."""
        return [token for word in self._words(text) for token in self._tokens(word)]

    def ids_of(self, tokens: Iterable[str]) -> IdArray:
        """Return the ids of tokens given as strings, new ones included."""
        with self._lock:
            return np.array([self._id(token) for token in tokens], np.int64)

    def names(self, ids: IdArray) -> list[str]:
        """Return the tokens that have these ids."""
        with self._lock:
            tokens = list(self._token_ids)
        return [tokens[i] for i in ids.tolist()]

    def _id(self, token: str) -> int:
        return self._token_ids.setdefault(token, len(self._token_ids))

    def _add(self, word: str) -> int:
        tokens = self._tokens(word)
        self._starts.append(len(self._ids))
        self._counts.append(len(tokens))
        self._ids.extend(map(self._id, tokens))
        return len(self._starts) - 1


def _expand(
    rows: IdArray, starts: IdArray, counts: IdArray, ids: IdArray
) -> tuple[IdArray, IdArray]:
    """Return the ids of all words' tokens in a row, and how many each word has."""
    lengths = counts[rows]
    ends = np.cumsum(lengths)
    shift = starts[rows] - (ends - lengths)
    return ids[np.repeat(shift, lengths) + np.arange(len(shift) and ends[-1])], lengths
