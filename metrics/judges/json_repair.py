"""Read JSON that a language model wrote, mended as the CRIMSON package mends it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from metrics.errors import InputError

_BROKEN_LIST = re.compile(r'\[""\s*:\s*\[')
_UNOPENED_KEY = re.compile(r'((?:[\]}"0-9]\s*,|\{)\s*)([A-Za-z_][A-Za-z0-9_]*")')
_LONE_STRING = re.compile(r',\s*"[^"]*"\s*(?=\s*[,}])')
_LONE_FIRST_STRING = re.compile(r'(?<=\{)\s*"[^"]*"\s*,\s*(?=")')
_UNKNOWN_ESCAPE = re.compile(r'\\(?!["\\/bfnrtu])')
_QUOTES = {"\u201c": '\\"', "\u201d": '\\"', "\u2018": "\\'", "\u2019": "\\'"}
_MOST_QUOTES = 50
_LOOK_BACK = 5


def read_json(text: str) -> Any:
    """Return the JSON value in a model's answer; of two equal keys the first counts.

    Curly quotes are escaped, ``["":[`` becomes ``[``, and keys get the quote that they lack. If
    that cannot be read, one of these is tried: without strings that stand alone, with unknown
    escapes as backslashes, with quotes inside of strings escaped. Text around the JSON, fences,
    commas too many and raw line breaks are not mended.

    Source: crimson-score 0.2.0. As there, the first of the trials takes middle items out of lists
    of strings as well.

    Raises
    ------
    InputError
        If no JSON can be read. The answer is not in the message.
    """
    for curly, escaped in _QUOTES.items():
        text = text.replace(curly, escaped)
    text = _UNOPENED_KEY.sub(r'\1"\2', _BROKEN_LIST.sub("[", text))
    alone = _LONE_FIRST_STRING.sub("", _LONE_STRING.sub("", text))
    escaped = _UNKNOWN_ESCAPE.sub(r"\\\\", text)
    for candidate in (text, alone, escaped):
        try:
            return _load(candidate)
        except (json.JSONDecodeError, RecursionError):
            continue
    for candidate in (text, escaped):
        try:
            return _load_with_inner_quotes(candidate)
        except (json.JSONDecodeError, RecursionError):
            continue
    raise InputError("The judge's answer is no JSON, and could not be mended.")


def _load(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_first_of_equal_keys)


def _first_of_equal_keys(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    first: dict[str, Any] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return first


def _load_with_inner_quotes(text: str) -> Any:
    """Escape, one after the other, the quotes that end strings too early."""
    for _ in range(_MOST_QUOTES):
        try:
            return _load(text)
        except json.JSONDecodeError as error:
            at = _inner_quote_before(text, error.pos)
            if at is None:
                raise
            text = f"{text[:at]}\\{text[at:]}"
    raise json.JSONDecodeError("Too many quotes", text, 0)


def _inner_quote_before(text: str, position: int) -> int | None:
    for i in range(min(position, len(text) - 1), max(0, position - _LOOK_BACK) - 1, -1):
        escaped = i > 0 and text[i - 1] == "\\"
        if text[i] == '"' and not escaped and not _is_structural(text, i):
            return i
    return None


def _is_structural(text: str, i: int) -> bool:
    """Whether the quote at ``i`` opens or closes a string, told from the characters around it."""
    two_before, before = text[i - 2 : i - 1] if i > 1 else "", text[i - 1 : i] if i else ""
    after, two_after = text[i + 1 : i + 2], text[i + 2 : i + 3]
    if (before and before in ":[{") or (after and after in ":]}"):
        return True
    if before == ",":
        return _is_one_of(two_before, '"]}')
    if after == ",":
        return _is_one_of(two_after, '"[{')
    return False


def _is_one_of(character: str, marks: str) -> bool:
    return character != "" and (character in marks or character.isdigit())
