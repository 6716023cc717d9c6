"""Read a text file line by line: UTF-8 only, gzip too, and every refusal names its place."""

from __future__ import annotations

import gzip
import io
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metrics.errors import InputError

MAX_LINE_BYTES = 8_000_000
"""The longest line that is read unless the caller allows more."""

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_SAVE_AS_UTF8 = "Save it as UTF-8."


@contextmanager
def opened(path: Path, *, uncompress: bool = True) -> Iterator[io.BufferedReader]:
    """Open a file to read its bytes, uncompressed where it is gzip and that is wanted.

    Raises
    ------
    InputError
        If it is missing, a folder or not a regular file, or the system refuses to read it.
    """
    if "\0" in str(path):
        raise InputError(f"The path {str(path)!r} holds a null byte. Check the path.")
    try:
        mode = path.stat().st_mode  # asked first: to open a pipe may wait for ever
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise InputError(f"{path} is not a regular file. Save its content and name that.")
        with path.open("rb") as file:
            if uncompress and file.peek(2)[:2] == _GZIP:
                yield io.BufferedReader(gzip.GzipFile(fileobj=file))
            else:
                yield file
    except FileNotFoundError:
        raise InputError(f"{path} does not exist. Check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder. Name a file in it.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is a damaged gzip file ({error}). Compress it again.") from error
    except OSError as error:
        advice = "Allow reading it." if isinstance(error, PermissionError) else "Check the path."
        raise InputError(f"Cannot read {path}: {error.strerror or error}. {advice}") from error


def text_lines(path: Path, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[tuple[int, str]]:
    """Yield every line with its number, counted from 1, and its line ending.

    A line above ``max_line_bytes`` is refused without being read into memory. A byte order mark
    in front is skipped.

    Raises
    ------
    InputError
        If the file cannot be read, is not UTF-8, or has a line that is too long.
    """
    with opened(path) as file:
        offset = 0
        number = 0
        while raw := file.readline(max_line_bytes + 2):
            number += 1
            if len(raw.rstrip(b"\r\n")) > max_line_bytes:
                raise InputError(
                    f"{path} line {number}: longer than {max_line_bytes / 1e6:g} MB. "
                    "Shorten it, or raise the limit with --max-line-mb."
                )
            yield number, _decoded(raw, path, number, offset)
            offset += len(raw)


def _decoded(raw: bytes, path: Path, number: int, offset: int) -> str:
    if number == 1 and raw.startswith(_BOM):
        raw, offset = raw[len(_BOM) :], len(_BOM)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if number == 1 and raw.startswith(_UTF16):
            raise InputError(f"{path} line 1: the file is UTF-16. {_SAVE_AS_UTF8}") from None
        raise InputError(
            f"{path} line {number}: not UTF-8 at byte {offset + error.start} of the file. "
            f"{_SAVE_AS_UTF8}"
        ) from None
