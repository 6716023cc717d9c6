"""The longest token sequences that two texts share, as spans of the raw texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from metrics.metric import Span
from metrics.tokens.offsets import Place, align

SHORTEST = 2
"""Tokens that a run has at least; single words match by chance."""


def matched_runs(
    prediction: tuple[str, Sequence[str]], reference: tuple[str, Sequence[str]]
) -> list[Span]:
    """Return the runs found from left to right, longest first at each place, on both sides.

    Each side is a raw text and the tokens made of it. A run that the reference has several times
    is marked there once, at its first place.
    """
    (raw_prediction, predicted), (raw_reference, referenced) = prediction, reference
    at_prediction = align(raw_prediction, predicted)
    at_reference = align(raw_reference, referenced)
    spans: dict[Span, None] = {}
    for start, other, length in _shared(predicted, referenced):
        label = f"n-gram of {length}"
        for side, places, first in (
            ("prediction", at_prediction, start),
            ("reference", at_reference, other),
        ):
            if place := _cover(places[first : first + length]):
                spans[Span(side, *place, "matched", label)] = None  # type: ignore[arg-type]
    return list(spans)


def _shared(predicted: Sequence[str], referenced: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return (place in the prediction, place in the reference, tokens) of each run."""
    pairs: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, pair in enumerate(pairwise(referenced)):
        pairs[pair].append(place)
    found = []
    start = 0
    while start < len(predicted) - 1:
        places = pairs.get((predicted[start], predicted[start + 1]), [])
        length = SHORTEST if places else 0
        while places and start + length < len(predicted):
            token = predicted[start + length]
            longer = [p for p in places if referenced[p + length : p + length + 1] == [token]]
            if not longer:
                break
            places, length = longer, length + 1
        if length:
            found.append((start, places[0], length))
        start += length or 1
    return found


def _cover(places: Sequence[Place | None]) -> Place | None:
    known = [place for place in places if place]
    return (known[0][0], known[-1][1]) if known else None
