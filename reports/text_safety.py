"""Text from data made harmless for CSV files, terminals and UTF-8 files."""

from __future__ import annotations

import re
import unicodedata

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def csv_text(text: str) -> str:
    """Return a text cell that no spreadsheet takes for a formula, every line end a line feed.

    >>> csv_text("=1+1"), csv_text("a=b")
    ("'=1+1", 'a=b')
    """
    # Python 3.11 does not quote a lone carriage return, which would then end the row
    text = encodable(text).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def terminal_text(text: str) -> str:
    """Return the text with everything that a terminal obeys replaced: controls, bidi marks.

    >>> terminal_text("red" + chr(27) + "[31m") == "red" + REPLACEMENT + "[31m"
    True
    """
    return "".join(c if c.isprintable() else REPLACEMENT for c in text)


def encodable(text: str) -> str:
    """Return the text with lone surrogates replaced, which no UTF-8 file can hold."""
    return _SURROGATE.sub(REPLACEMENT, text)


def visible(text: str) -> str:
    """Return the text for an HTML page: controls that browsers drop or obey are replaced.

    Line breaks and tabs stay. Marks that turn the direction of writing are replaced too, since
    they could make a name read as another.
    """
    return "".join(c if c in "\n\t" or not _is_control(c) else REPLACEMENT for c in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Cf")
