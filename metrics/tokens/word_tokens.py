"""NLTK's ``word_tokenize`` for English, equal on every string and much faster.

What a word splits into hardly ever depends on its neighbours: a full stop does where it may or may
not end the sentence, and quotes do. So words are split once and remembered; texts with unusual
marks are read rule by rule.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

from metrics.tokens import punkt, treebank_words
from metrics.tokens.regular_expressions import is_plain

_LARGEST_CACHE = 200_000
_SIMPLE = re.compile(r"([A-Za-z0-9]+(?:[-/][A-Za-z0-9]+)*)([,;:.?!]?)")
_CONTRACTED = re.compile(r"(?i)cannot|gimme|gonna|gotta|lemme|wanna")
# A sentence may end inside the word ("clear.)"), or the word may belong to the one before.
_UNUSUAL = re.compile(r"""[.?!][)";}\]*:@'({\[?!]|["`]|''|^[\])}>']""")
# What these do depends on the words beside them.
_REACHING = re.compile(r"""["`]|''|(?:^|\s)[\])}>']""")
_STOPS = (".", "?", "!")


def word_tokenize(text: str) -> list[str]:
    """Return the words and punctuation marks of an English text.

    >>> word_tokenize("No effusion. Seen by Dr. Doe.")
    ['No', 'effusion', '.', 'Seen', 'by', 'Dr.', 'Doe', '.']
    """
    return [token for piece in pieces(text) for token in tokens_of(piece)]


def pieces(text: str) -> list[str]:
    """Return a text's words in a form that ``tokens_of`` can split without their neighbours.

    That is the word as it is (with a full stop: the last of its sentence); the word and a space
    if its full stop does not end the sentence; or a space and a finished token.
    """
    if not _is_ordinary(text):
        return _by_sentence(text)
    words = text.split()
    return words if _settled.issuperset(words) else _settle(text, words)


@lru_cache(_LARGEST_CACHE)
def tokens_of(piece: str) -> Sequence[str]:
    """Return the tokens of one of the ``pieces``.

    >>> tokens_of("Dr."), tokens_of("Dr. ")
    (('Dr', '.'), ('Dr.',))
    """
    if piece[0] == " ":
        return (piece[1:],)
    if piece[-1] == " ":
        return _inside(piece[:-1])
    simple = _simple(piece)
    if simple:
        return (simple[1], simple[2]) if simple[2] else (piece,)
    return tuple(treebank_words.words(f"x {piece}")[1:])


class _Kind(Enum):
    """How the tokens of a word depend on where it stands."""

    SETTLED = "not at all"
    OPEN = "on whether its full stop ends the sentence"
    UNUSUAL = "on more than that"


_settled: set[str] = set()


def _settle(text: str, words: list[str]) -> list[str]:
    kinds = list(map(_kind, words))
    if len(_settled) > _LARGEST_CACHE:
        _settled.clear()
    pairs = zip(words, kinds, strict=True)
    _settled.update(word for word, kind in pairs if kind is _Kind.SETTLED)
    if _Kind.UNUSUAL in kinds:
        return _by_sentence(text)
    return [
        f"{word} " if kind is _Kind.OPEN and following and not _ends(word, following) else word
        for word, kind, following in zip(words, kinds, [*words[1:], ""], strict=True)
    ]


@lru_cache(_LARGEST_CACHE)
def _kind(word: str) -> _Kind:
    if _UNUSUAL.search(word):
        return _Kind.UNUSUAL
    if word.endswith(_STOPS):
        return _Kind.OPEN if punkt.may_depend_on_what_follows(word) else _Kind.SETTLED
    if _simple(word):
        return _Kind.SETTLED
    return _Kind.SETTLED if _inside(word) == tokens_of(word) else _Kind.UNUSUAL


def _simple(word: str) -> re.Match[str] | None:
    return None if _CONTRACTED.search(word) else _SIMPLE.fullmatch(word)


def _inside(word: str) -> tuple[str, ...]:
    return tuple(treebank_words.words(f"x {word} x")[1:-1])


@lru_cache(_LARGEST_CACHE)
def _ends(word: str, following: str) -> bool:
    return punkt.has_inner_break(f"{word} {following}")


def _by_sentence(text: str) -> list[str]:
    return [piece for sentence in punkt.sentences(text) for piece in _pieces_of(sentence)]


def _pieces_of(sentence: str) -> list[str]:
    if not _is_ordinary(sentence) or _REACHING.search(sentence):
        return [f" {token}" for token in treebank_words.words(sentence)]
    words = sentence.split()
    inner = (word if word.isalnum() else f"{word} " for word in words[:-1])
    return [*inner, *words[-1:]]


def _is_ordinary(text: str) -> bool:
    """Tell whether all white space parts words alike."""
    if text.isprintable():
        return text.isascii()
    return is_plain(text) and "'" not in text
