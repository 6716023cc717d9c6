"""Read JSON strictly: what Python's reader lets pass in silence is refused by file and line."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from metrics.files.quoting import quoted
from metrics.files.text_lines import MAX_LINE_BYTES, opened, text_lines

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_KINDS = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


class _RefusedError(ValueError):
    """Valid for Python's reader, but not for us; the message says why."""


def read_objects(
    path: str | Path, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the object of every line of a JSON Lines file, with its line number.

    Blank lines are skipped, and a gzip file is uncompressed on the way. Numbers are finite, keys
    are unique, and texts can be written as UTF-8 again.

    Raises
    ------
    InputError
        If the file cannot be read, holds no object, or a line is anything but one JSON object in
        UTF-8; the message names the file and the line.
    """
    path = Path(path)
    is_empty = True
    for number, text in text_lines(path, max_line_bytes):
        if text.isspace():
            continue
        is_empty = False
        yield number, _object(text, path, number)
    if is_empty:
        raise InputError(f"{path} line 1: the file is empty. Write one JSON object per line.")


def read_document(path: str | Path) -> dict[str, Any]:
    """Return the one JSON object that a whole file holds, as strictly as ``read_objects``.

    Raises
    ------
    InputError
        If the file cannot be read or holds anything but one JSON object.
    """
    path = Path(path)
    with opened(path) as file:
        content = file.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path} line {line}: not UTF-8 at byte {error.start} of the file. Save it as UTF-8."
        ) from None
    if not text.strip():
        raise InputError(f"{path} line 1: the file is empty. Write one JSON object.")
    value = parse(text, path)
    if not isinstance(value, dict):
        raise InputError(
            f"{path} line 1: expected one object in braces, found {kind_of(value)}. "
            "Write an object by id, or one object per line."
        )
    return value


def parse(
    text: str, path: str | Path, line: int | None = None, *, nan_is_null: bool = False
) -> Any:
    """Return the value of a JSON text, the given line of a file or all of it.

    ``nan_is_null`` is for files that write a missing value as NaN.
    """
    place = f"{path}" if line is None else f"{path} line {line}"
    try:
        value = (_LENIENT if nan_is_null else _DECODER).decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        column = error.pos + 1 if line else error.colno
        raise InputError(
            f"{path} line {line or error.lineno} column {column}: not valid JSON "
            f"({error.msg}). {_hint(text) if line else 'Mend it: the file is one JSON object.'}"
        ) from None
    except _RefusedError as error:
        raise InputError(f"{place}: {error}") from None
    except UnicodeEncodeError:
        raise InputError(
            f"{place}: half of a surrogate pair (\\ud800 to \\udfff) stands alone. "
            "Write the whole character."
        ) from None
    except RecursionError:
        raise InputError(f"{place}: nested too deeply. Write plain fields.") from None
    except ValueError:
        # the only one left: Python's limit on the digits of a whole number
        raise InputError(f"{place}: a number has too many digits. Write it as a text.") from None
    return value


def kind_of(value: object) -> str:
    """Return what a JSON value is, in words."""
    if value is None:
        return "null"
    return "an object" if isinstance(value, dict) else _KINDS.get(type(value), "something else")


def _object(text: str, path: Path, number: int) -> dict[str, Any]:
    value = parse(text, path, number)
    if not isinstance(value, dict):
        raise InputError(
            f"{path} line {number}: expected an object in braces, found {kind_of(value)}. "
            "Write one JSON object per line."
        )
    return value


def _hint(text: str) -> str:
    if "\0" in text:
        return "It holds NUL bytes: the file may be UTF-16 or damaged; save it as UTF-8."
    if text.strip() in ("{", "["):
        return "This looks like one document over many lines: write one JSON object per line."
    if not text.endswith("\n"):
        return "It may be cut off: write the file again, one JSON object per line."
    return "Mend it: one JSON object per line."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise _RefusedError(f"the key {quoted(twice)} appears twice in one object. Keep one.")
    return found


def _no_constant(name: str) -> Any:
    raise _RefusedError(f"{name} is no JSON value. Write null or a text in its place.")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _RefusedError("a number is too large for a float. Write it as a text.")
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
_LENIENT = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=lambda name: None, parse_float=_finite
)
