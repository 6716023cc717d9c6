"""Tags of word pieces to entities, by RaTEScore's rules."""

from __future__ import annotations

from collections.abc import Sequence

Entity = tuple[str, str]
"""Text and type of one entity; the text may be a piece of a word."""

TYPES = ("ABNORMALITY", "ANATOMY", "DISEASE", "NON-ABNORMALITY", "NON-DISEASE")
_MARKS = ("[CLS]", "[SEP]")


def entity_ranges(pieces: Sequence[str], tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return first piece, last piece and type of each entity of a sentence.

    What a piece does depends on the tag after its own: B before I opens an entity, B before B or
    O is one by itself, I before B or O closes the open one, which keeps the type of its B. One
    still open at the end reaches to the piece before ``[SEP]``; after an entity that another one
    followed at once, it is lost.

    Source: RaTEScore 0.6.0, ``utils.post_process``, with its oddities.

    Parameters
    ----------
    pieces
        Word pieces, the marks ``[CLS]`` and ``[SEP]`` among them.
    tags
        One of ``B-TYPE``, ``I-TYPE`` and ``O`` for each piece.

    >>> entity_ranges(["[CLS]", "left", "lung", "clear", "[SEP]"], ["O", "B-X", "I-X", "B-Y", "O"])
    [(1, 2, 'X'), (3, 3, 'Y')]
    """
    found: list[tuple[int, int, str]] = []
    start: int | None = None
    kind = ""
    followed = False
    for i, (piece, tag, following) in enumerate(zip(pieces, tags, tags[1:], strict=False)):
        if piece in _MARKS or tag == "O":
            continue
        if following.startswith("I"):
            if tag.startswith("B"):
                start, kind = i, tag[2:]
            continue
        if tag.startswith("B"):
            found.append((i, i, tag[2:]))
        elif start is not None:
            found.append((start, i, kind))
        followed = following.startswith("B")
        start, kind = (i, tag[2:]) if followed else (None, "")
    if start is not None and not followed:
        found.append((start, len(pieces) - 2, kind))
    return found
