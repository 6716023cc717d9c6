"""Libra's text cleaning, exactly as published, wherever it is asked for by name.

Source: X-iZhang/Libra, ``libra/eval/radiology_report.py``, ``clean_text``. Slashes, quotes, percent
signs, apostrophes and long dashes vanish *without* a space, so ``worsened/increased`` becomes one
word; hyphens and underscores become spaces.
"""

from __future__ import annotations

import re

_GAP = re.compile(r"[\n_-]+")
_DROPPED = re.compile(r"[^\w\s.,:;()]+")
_WHITE = re.compile(r"\s{2,}")
_KEPT = frozenset(".,:;()")
# ASCII texts, nearly all of them, take one pass of str.translate instead of two regexes.
_ASCII = {
    code: " " if char in "\n_-" else None
    for code, char in ((code, chr(code)) for code in range(128))
    if char in "\n_-" or not (char.isalnum() or char.isspace() or char in _KEPT)
}


def clean(text: str) -> str:
    r"""Return ``text`` as Libra's ``clean_text`` leaves it; letters keep their case.

    Newlines, ``_`` and ``-`` become one space, every character that is neither a word character
    nor white space nor one of ``. , : ; ( )`` is dropped, runs of white space shrink to one
    space, ends are stripped. A single tab or no-break space stays.

    >>> clean("worsened/increased left-sided\n\neffusion (small)")
    'worsenedincreased left sided effusion (small)'
    """
    text = text.translate(_ASCII) if text.isascii() else _DROPPED.sub("", _GAP.sub(" ", text))
    if text.isprintable():  # then the only white space left is the plain space
        return " ".join(text.split())
    return _WHITE.sub(" ", text).strip()


def lower_and_clean(text: str) -> str:
    """Return the text as Libra's ``evaluate_report`` scores it: lower-cased first, then cleaned.

    >>> lower_and_clean("It's STABLE.")
    'its stable.'
    """
    return clean(text.lower())
