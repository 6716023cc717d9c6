"""Where a tokeniser's tokens stand in the raw text that they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_LOOKAHEAD = 64  # characters; what a treatment drops in one go is shorter than that

Place = tuple[int, int]


def align(raw: str, tokens: Sequence[str]) -> list[Place | None]:
    """Return start and end of each token in ``raw``; None for a token that is not found.

    Letters and digits are followed through the text, whatever the case; other characters may have
    been dropped inside a token, as Libra's cleaning does. The time is linear in the text.

    >>> align("Isn't small.", ["isnt", "small", "."])
    [(0, 5), (6, 11), (11, 12)]
    """
    letters, places = _letters(raw)
    found: list[Place | None] = []
    at = end = 0
    for token in tokens:
        core = _core(token)
        if not core:
            stop = places[at] if at < len(places) else len(raw)
            start = raw.find(token, end, stop)
            place = (start, start + len(token)) if token and start >= 0 else None
        else:
            start = letters.find(core, at, at + len(core) + _LOOKAHEAD)
            place = (places[start], places[start + len(core) - 1] + 1) if start >= 0 else None
            at = start + len(core) if start >= 0 else at
        found.append(place)
        end = place[1] if place else end
    return found


def _letters(text: str) -> tuple[str, list[int]]:
    """Return the letters and digits in lower case, and where each one stands."""
    if text.isascii():
        lowered = text.lower()
        return "".join(filter(str.isalnum, lowered)), [
            place for place, character in enumerate(lowered) if character.isalnum()
        ]
    pairs = [
        (lowered, place)
        for place, character in enumerate(text)
        for lowered in character.lower()
        if lowered.isalnum()
    ]
    return "".join(letter for letter, _ in pairs), [place for _, place in pairs]


@lru_cache(maxsize=100_000)
def _core(token: str) -> str:
    return _letters(token)[0]
