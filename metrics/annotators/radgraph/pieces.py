"""From words to the encoder's rows of word pieces, and back to one vector per word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from metrics.errors import InputError

SpecialTokens = Literal["official-4x", "fixed"]


@dataclass(frozen=True)
class Layout:
    """A text as rows of token ids, and the places of each word's pieces in the joined rows."""

    rows: list[list[int]]
    words: list[list[int]]


class WordPieces:
    """An encoder's tokeniser, asked for each distinct word once.

    Parameters
    ----------
    tokenizer
        As transformers loads it.
    max_length
        Pieces per row, special tokens included. Longer texts are cut into rows that are encoded
        independently, whatever the borders of words; nothing is left out. None: one row.
    special_tokens
        What to do where radgraph 0.1.18 misplaces them: with a tokeniser that has no class of its
        own (ModernBERT's) and ``max_length`` set, transformers 4 adds no special tokens, and every
        word takes the vectors of the pieces one place to the right; a text of several rows loses
        two pieces at each joint. ``official-4x`` does the same, ``fixed`` treats it as any other.
    """

    def __init__(
        self, tokenizer: Any, max_length: int | None, special_tokens: SpecialTokens
    ) -> None:
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        self._max_length = max_length
        self._first, self._last = _special_ids(tokenizer)
        self._shifted = (
            special_tokens == "official-4x" and max_length is not None and _is_plain(tokenizer)
        )
        self._known: dict[str, list[int]] = {}

    def layout(self, words: Sequence[str]) -> Layout:
        """Return the rows and places of a text's words; a word without pieces has no places."""
        pieces: list[int] = []
        spans: list[range] = []
        for word in words:
            start = len(pieces)
            pieces += self._pieces(word)
            spans.append(range(start, len(pieces)))
        return self._shifted_layout(pieces, spans) if self._shifted else self._rows(pieces, spans)

    def _rows(self, pieces: list[int], spans: list[range]) -> Layout:
        room = max(len(pieces), 1) if self._max_length is None else self._max_length - 2
        rows = [
            [self._first, *pieces[start : start + room], self._last]
            for start in range(0, max(len(pieces), 1), room)
        ]
        # each row before a piece adds two special tokens, and its own adds one
        return Layout(rows, [[at + 1 + 2 * (at // room) for at in span] for span in spans])

    def _shifted_layout(self, pieces: list[int], spans: list[range]) -> Layout:
        length = self._max_length or 0
        rows = [pieces[start : start + length] for start in range(0, len(pieces), length)]
        left = list(_left_at_joints(len(pieces), length))
        return Layout(rows, [left[s.start + 1 : s.stop + 1] if s else [] for s in spans])

    def _pieces(self, word: str) -> list[int]:
        found = self._known.get(word)
        if found is None:
            # the encoder sees these two without the slash, as in the training data
            seen = word[1:] if word in ("/.", "/?") else word
            # a lone surrogate is no character that a tokeniser takes
            seen = seen.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            found = self._known[word] = self._backend.encode(seen, add_special_tokens=False).ids
        return found


def _left_at_joints(pieces: int, length: int) -> Iterator[int]:
    """Yield the pieces that remain when each row's ends are taken for special tokens.

    The very first and the very last piece are put back in their places.
    """
    if pieces <= length:
        yield from range(pieces)
        return
    rows = -(-pieces // length)
    inner = [at for at in range(pieces) if 0 < at % length < length - 1]
    yield 0
    yield from inner[: pieces - 2 * rows]
    yield pieces - 1


def _special_ids(tokenizer: Any) -> tuple[int, int]:
    ids = (tokenizer.cls_token_id, tokenizer.sep_token_id)
    if None in ids:
        raise InputError("The encoder's tokeniser has no [CLS] and [SEP]. Take RadGraph's encoder.")
    return ids


def _is_plain(tokenizer: Any) -> bool:
    from transformers import PreTrainedTokenizerFast

    return type(tokenizer) is PreTrainedTokenizerFast
