"""Where the records of a training file stand: found in one pass, and read one by one afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn

from harness.datasets.json_list import read_list
from harness.errors import InputError
from metrics.files.jsonl import kind_of, parse, read_objects
from metrics.files.text_lines import MAX_LINE_BYTES, opened

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_BLOCK_BYTES = 4_000_000
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record's bytes in its file, ``[start, end)``, its line, and what it says.

    Of a list's record the texts are not decoded; only its place is to be used.
    """

    start: int
    end: int
    line: int
    content: dict[str, Any]


def is_json_list(path: Path) -> bool:
    """Return whether a file is one JSON list, as Libra's are, rather than JSON Lines.

    Raises
    ------
    InputError
        If it cannot be read, or is compressed: records are read out of order.
    """
    with opened(path, uncompress=False) as file:
        head = file.read(64)
    if head.startswith(_GZIP):
        raise InputError(
            f"{path} is compressed, but training reads its records in any order. Uncompress it "
            "with `gunzip --keep`."
        )
    return head.removeprefix(_BOM).lstrip().startswith(b"[")


def found_lines(path: Path) -> Iterator[FoundRecord]:
    """Yield the object of every line that is not blank.

    Raises
    ------
    InputError
        If a line is anything but one JSON object in UTF-8; the message names file and line.
    """
    with opened(path, uncompress=False) as file:
        start = line = 0
        while raw := file.readline(MAX_LINE_BYTES + 2):
            line += 1
            text = raw.removeprefix(_BOM) if line == 1 else raw
            if text and not text.isspace():
                content = _object(text)
                if content is None or len(raw.rstrip(b"\r\n")) > MAX_LINE_BYTES:
                    _refuse_lines(path)
                end = start + len(raw)
                yield FoundRecord(end - len(text), end, line, content)
            start += len(raw)
    if not line:
        _refuse_lines(path)


def found_in_list(path: Path) -> Iterator[FoundRecord]:
    """Yield the place of every object of a file that is one JSON list of them.

    Raises
    ------
    InputError
        If the file is anything else, or not in UTF-8; the message names file and line.
    """
    with opened(path, uncompress=False) as file:
        window = _Window(file, path)
        window.take("[")
        more = window.next() != "]"
        while more:
            yield window.value()
            more = window.next() == ","
            if more:
                window.take(",")
        window.take("]")
        if window.next():
            window.refuse()


def record_at(path: Path, start: int, end: int, line: int) -> dict[str, Any]:
    """Return the object that stands at a place of a file, read strictly.

    Raises
    ------
    InputError
        If it cannot be read, has a key twice or a number that is none, or is no object; the
        message names file and line.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            text = file.read(end - start).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} line {line}: cannot be read any more. Do not change the file while it is "
            "trained on."
        ) from error
    content = parse(text, path, line)
    if not isinstance(content, dict):
        raise InputError(f"{path} line {line}: {kind_of(content)}, not an object. Mend it.")
    return content


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _refuse_lines(path: Path) -> NoReturn:
    """Raise what is wrong with a file, in the words of the strict reader."""
    for _ in read_objects(path):
        pass
    raise InputError(f"{path} cannot be read as JSON Lines. Mend it.")


class _Window:
    """The part of a list's file that is being read, as Latin-1: a character is a byte."""

    def __init__(self, file: BufferedReader, path: Path) -> None:
        self._file = file
        self._path = path
        self._text = ""
        self._at = 0
        self._before = 0
        self._line = 1
        self._decoder = json.JSONDecoder()
        self._grow()
        if self._text.startswith(_BOM.decode("latin-1")):
            self._at = len(_BOM)

    def next(self) -> str:
        """Return the next character that is not space, without taking it; empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._move(self._at if space is None else space.end())
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow():
                return ""

    def take(self, wanted: str) -> None:
        if self.next() != wanted:
            self.refuse()
        self._move(self._at + 1)

    def value(self) -> FoundRecord:
        self.next()
        while True:
            try:
                content, end = self._decoder.raw_decode(self._text, self._at)
                break
            except (ValueError, RecursionError):
                if len(self._text) - self._at > MAX_LINE_BYTES or not self._grow():
                    self.refuse()
        if not isinstance(content, dict):
            raise InputError(
                f"{self._path} line {self._line}: {kind_of(content)}, not an object. Mend it."
            )
        start, line = self._before + self._at, self._line
        self._check(end)
        found = FoundRecord(start, self._before + end, line, content)
        self._move(end)
        return found

    def refuse(self) -> NoReturn:
        """Raise what is wrong with the file, in the words of the reader of whole files."""
        read_list(self._path)
        raise InputError(f"{self._path} line {self._line}: this is no JSON list. Mend it.")

    def _check(self, end: int) -> None:
        raw = self._text[self._at : end].encode("latin-1")
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            line = self._line + raw.count(b"\n", 0, error.start)
            byte = self._before + self._at + error.start
            raise InputError(
                f"{self._path} line {line}: not UTF-8 at byte {byte} of the file. Save it as UTF-8."
            ) from None

    def _move(self, at: int) -> None:
        self._line += self._text.count("\n", self._at, at)
        self._at = at

    def _grow(self) -> bool:
        block = self._file.read(_BLOCK_BYTES)
        self._before += self._at
        self._text = self._text[self._at :] + block.decode("latin-1")
        self._at = 0
        return bool(block)
