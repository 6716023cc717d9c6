"""Sentences and whole words of a report, edited without touching anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SENTENCE_END = re.compile(r"(?<=[.!?])(?<![\s.]\d\.)(?<!^\d\.)(?<!\bDr\.)(?<!\bvs\.)\s+")
_ARTICLE = re.compile(r"(?<![\w'-])(an?)(?=\s+([A-Za-z]))", re.IGNORECASE)
_VOWELS = "aeiou"


def sentences(text: str) -> list[str]:
    """Return the sentences with the white space after them: joined, they are the text.

    The number of a list (``1. No effusion.``) stays with its sentence.

    >>> sentences("1. No effusion. Clear.")
    ['1. No effusion. ', 'Clear.']
    """
    pieces, start = [], 0
    for gap in _SENTENCE_END.finditer(text):
        pieces.append(text[start : gap.end()])
        start = gap.end()
    return [*pieces, text[start:]] if text[start:] else pieces


def whole_words(words: str) -> re.Pattern[str]:
    """Return a pattern of whole words, not inside others or parts of a hyphenated one.

    ``words`` is a regular expression in which a blank stands for any white space.

    >>> bool(whole_words("left").search("left-sided")), bool(whole_words("left").search("cleft"))
    (False, False)
    """
    return re.compile(
        rf"(?<![\w'-])(?:{words.replace(' ', chr(92) + 's+')})(?![\w'-])", re.IGNORECASE
    )


def any_of(words: Mapping[str, str]) -> re.Pattern[str]:
    """Return a pattern of the keys as whole words, the longest first."""
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return whole_words("|".join(longest_first))


def replaced(text: str, pattern: re.Pattern[str], words: Mapping[str, str]) -> str:
    """Return the text with every match replaced by what ``words`` gives for it.

    The match's capitals are kept, and an article before it is made to fit.
    """

    def swap(match: re.Match[str]) -> str:
        found = match.group()
        word = words[" ".join(found.lower().split())]
        written_out = found.isupper() and len(word) > 2 * len(found)
        if written_out and not text.isupper():
            starts = not text[: match.start()].strip()
            return capitalised(word) if starts else word
        return like(found, word)

    return _with_articles(text, pattern.sub(swap, text))


def like(model: str, word: str) -> str:
    """Return the word with the capitals of what it replaces.

    Words with capitals of their own (``RLL``) keep them.

    >>> like("Left", "right"), like("LEFT", "right"), like("left", "right"), like("a", "RLL")
    ('Right', 'RIGHT', 'right', 'RLL')
    """
    if word != word.lower():
        return word
    if model.isupper() and len(model) > 1:
        return word.upper()
    return capitalised(word) if model[:1].isupper() else word


def capitalised(text: str) -> str:
    """Return the text with its first character as a capital; the rest stays."""
    return text[:1].upper() + text[1:]


def _with_articles(before: str, after: str) -> str:
    """Return ``after`` with ``a`` or ``an`` as its next word asks, where that word is new."""
    if before == after:
        return after
    kept = {(m.group(1).lower(), m.group(2).lower()) for m in _ARTICLE.finditer(before)}

    def fit(match: re.Match[str]) -> str:
        article, letter = match.group(1), match.group(2).lower()
        if (article.lower(), letter) in kept:
            return article
        return article[0] + ("n" if letter in _VOWELS else "")

    return _ARTICLE.sub(fit, after)
