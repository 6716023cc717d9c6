"""Tokens of ROUGE as rouge-score counts them: runs of a–z and 0–9 of the lower-cased text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from metrics.tokens.porter import stem

_TOKEN = re.compile("[a-z0-9]+")


def words(text: str) -> list[str]:
    """Return the lower-cased words of a text; white space never is inside a token."""
    return text.lower().split()


def tokens(word: str) -> Sequence[str]:
    """Return the tokens of one lower-cased word; letters outside ASCII part them.

    >>> tokens("naïve/3.5cm")
    ['na', 've', '3', '5cm']
    """
    if word.isascii() and word.isalnum():
        return (word,)
    return _TOKEN.findall(word)


def stemmed_tokens(word: str) -> list[str]:
    """Return the tokens, those longer than three characters as Porter stems (NLTK's dialect).

    >>> stemmed_tokens("effusions/new")
    ['effus', 'new']
    """
    return [stem(token) if len(token) > 3 else token for token in tokens(word)]
