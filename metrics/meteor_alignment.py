"""METEOR's alignment of many predictions and references at once, word for word as NLTK's.

NLTK walks a prediction from its last word; each takes the last free reference position with an
equal word, then, in a second walk, with an equal stem, then with a synonym. So of n and m equal
words the last min(n, m) match in order, which sorting finds for all texts together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np

from metrics.tokens import porter, word_tokens, wordnet
from metrics.tokens.ngrams import lengths_of
from metrics.tokens.vocabulary import IdArray, Vocabulary

_LARGEST_CACHE = 200_000
_stem = lru_cache(_LARGEST_CACHE)(porter.stem)
_synonyms = lru_cache(_LARGEST_CACHE)(wordnet.synonyms)
# Far enough from every position that no difference with one looks like neighbours.
_FREE = -2


def _lower_tokens(piece: str) -> list[str]:
    return [token.lower() for token in word_tokens.tokens_of(piece)]


VOCABULARY = Vocabulary(word_tokens.pieces, _lower_tokens)


@dataclass(frozen=True)
class Counts:
    """Per pair: words of either side, matched words, and runs of them that are in one order."""

    predicted: IdArray
    referenced: IdArray
    matches: IdArray
    chunks: IdArray


def count(predictions: Sequence[IdArray], references: Sequence[IdArray]) -> Counts:
    """Return what METEOR is computed from for texts encoded by ``VOCABULARY``, pair by pair."""
    n = len(predictions)
    predicted, referenced = lengths_of(predictions), lengths_of(references)
    prediction, reference = _Side.of(predictions, predicted), _Side.of(references, referenced)
    reference = _Side(reference.pair, reference.ids, _positions(reference.pair, referenced))
    found = _align(prediction, reference)
    pair = prediction.pair
    matches = np.bincount(pair[found != _FREE], minlength=n)
    joined = (pair[1:] == pair[:-1]) & (found[1:] - found[:-1] == 1)
    return Counts(
        predicted, referenced, matches, matches - np.bincount(pair[1:][joined], minlength=n)
    )


@dataclass(frozen=True)
class _Side:
    """Words of one side of all pairs in a row: their pair, their id and their place.

    The place of a predicted word is its index in the row, of a reference word that in its text.
    """

    pair: IdArray
    ids: IdArray
    place: IdArray

    @classmethod
    def of(cls, texts: Sequence[IdArray], lengths: IdArray) -> _Side:
        pair = np.repeat(np.arange(len(texts)), lengths)
        return cls(pair, np.concatenate(texts) if texts else pair, np.arange(len(pair)))

    def without(self, matched: IdArray) -> _Side:
        kept = np.ones(len(self.ids), bool)
        kept[matched] = False
        return _Side(self.pair[kept], self.ids[kept], self.place[kept])

    def stemmed(self) -> _Side:
        """Return the words' stems; their ids are of the same vocabulary."""
        distinct = _distinct(self.ids)
        stem_of = np.zeros(self.ids.max(initial=0) + 1, np.int64)
        stem_of[distinct] = VOCABULARY.ids_of(map(_stem, VOCABULARY.names(distinct)))
        return _Side(self.pair, stem_of[self.ids], self.place)


def _positions(pair: IdArray, lengths: IdArray) -> IdArray:
    positions: IdArray = np.arange(len(pair)) - (np.cumsum(lengths) - lengths)[pair]
    return positions


def _distinct(ids: IdArray) -> IdArray:
    return np.flatnonzero(np.bincount(ids))


def _align(prediction: _Side, reference: _Side) -> IdArray:
    """Return the reference position that each predicted word takes, or ``_FREE``."""
    found = np.full(len(prediction.ids), _FREE)
    prediction, reference = _take_equal(found, prediction, reference)
    prediction, reference = _take_equal(found, prediction.stemmed(), reference.stemmed())
    _take_synonyms(found, prediction, reference)
    return found


def _take_equal(found: IdArray, prediction: _Side, reference: _Side) -> tuple[_Side, _Side]:
    """Match words with equal ids and return what is left of both sides."""
    base = max(prediction.ids.max(initial=0), reference.ids.max(initial=0)) + 1
    keys = [side.pair * base + side.ids for side in (prediction, reference)]
    # Stable: of each word of a pair the predictions come first, and all in the order of the text.
    order = np.argsort(np.concatenate(keys), kind="stable")
    ordered = np.concatenate(keys)[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    if not len(starts):
        return prediction, reference
    ends = np.append(starts[1:], len(order))
    split = starts + np.add.reduceat((order < len(prediction.ids)).astype(np.int64), starts)
    # Of n and m equal words the last min(n, m) match in order.
    matches = np.minimum(split - starts, ends - split)
    within = _positions(np.repeat(np.arange(len(starts)), matches), matches)
    at = order[np.repeat(split - matches, matches) + within]
    by = order[np.repeat(ends - matches, matches) + within] - len(prediction.ids)
    found[prediction.place[at]] = reference.place[by]
    return prediction.without(at), reference.without(by)


def _take_synonyms(found: IdArray, prediction: _Side, reference: _Side) -> None:
    """Give each stem left over the last free reference stem that is one of its synonyms."""
    base = max(prediction.ids.max(initial=0), reference.ids.max(initial=0)) + 1
    places, wanted = _wanted(prediction, _distinct(reference.ids), base)
    offered = reference.pair * base + reference.ids
    wanted_and_offered = np.isin(wanted, offered)
    places, wanted = places[wanted_and_offered], wanted[wanted_and_offered]
    offers = np.isin(offered, wanted)
    free: dict[int, list[int]] = {key: [] for key in wanted.tolist()}
    for key, position in zip(
        offered[offers].tolist(), reference.place[offers].tolist(), strict=True
    ):
        free[key].append(position)
    options: dict[int, list[int]] = {}
    for place, key in zip(places[::-1].tolist(), wanted[::-1].tolist(), strict=True):
        options.setdefault(place, []).append(key)
    for place, keys in options.items():
        positions = max((free[key] for key in keys), key=lambda open_ones: open_ones[-1:])
        if positions:
            found[place] = positions.pop()


def _wanted(prediction: _Side, offered: IdArray, base: int) -> tuple[IdArray, IdArray]:
    """Return the places of predicted stems and, for each of their synonyms, pair and id in one."""
    id_of = dict(zip(VOCABULARY.names(offered), offered.tolist(), strict=True))
    stems = _distinct(prediction.ids)
    synonyms = [
        [id_of[name] for name in _synonyms(stem) & id_of.keys()] for stem in VOCABULARY.names(stems)
    ]
    numbers = np.zeros(base, np.int64)
    numbers[stems] = lengths = np.fromiter(map(len, synonyms), np.int64, len(synonyms))
    starts = np.zeros(base, np.int64)
    starts[stems] = np.cumsum(lengths) - lengths
    flat = np.fromiter(chain.from_iterable(synonyms), np.int64, int(lengths.sum()))
    counts = numbers[prediction.ids]
    word = np.repeat(np.arange(len(counts)), counts)
    ids = flat[starts[prediction.ids][word] + _positions(word, counts)]
    return prediction.place[word], prediction.pair[word] * base + ids
