"""Predictions on disk: one JSON line per sample, appended, in study order."""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import BufferedRandom
from pathlib import Path
from typing import Any

from harness.atomic import write_bytes
from harness.disk_errors import explained
from harness.errors import InputError
from models.adapter import FAILED, Generation, Prior

Line = dict[str, Any]
_ADVICE = "Put the file back as it was, or give --fresh."


def line_of(
    sample_id: str,
    study_id: str,
    model: str,
    prior: Prior,
    generation: Generation,
    inputs: Mapping[str, Any] | None = None,
) -> Line:
    """Return a generation in the form of the predictions file; what is None is left out.

    ``inputs`` are hashes of what the answer was made from.
    """
    line = {
        "sample_id": sample_id if sample_id != study_id else None,
        "study_id": study_id,
        "prediction": generation.text,
        "model": model,
        "prompt": generation.prompt,
        "finish_reason": generation.finish_reason,
        "tokens": generation.tokens,
        "seconds": generation.seconds,
        "prior": prior,
        "error": generation.error,
        "inputs": inputs,
    }
    return {key: value for key, value in line.items() if value is not None}


def is_answered(line: Line) -> bool:
    """Return whether a line holds an answer; a sample that failed is asked about again."""
    return line.get("finish_reason") != FAILED


class PredictionLog:
    """The predictions file of one system, for samples of known ids in a known order.

    Lines are only ever appended. A sample that failed may be answered again further down, until
    ``resume`` puts the later line in the place of the earlier one.
    """

    def __init__(self, path: Path, ids: Sequence[str]) -> None:
        self._path = path
        self._ids = ids

    def resume(self) -> list[Line]:
        """Put the file in order, and return its lines: those of the first samples, in their order.

        A process that was killed, or a full disk, may leave a last line that is not whole; only
        that line is cut.

        Raises
        ------
        InputError
            If a line is not one that this run wrote there.
        """
        if not self._path.exists():
            return []
        with explained(self._path):
            with self._path.open("r+b") as file:
                size, lines, is_ordered = self._read(file)
                file.truncate(size)
                os.fsync(file.fileno())
            if not is_ordered:
                write_bytes(self._path, _as_bytes(lines))
        return lines

    def append(self, lines: Sequence[Line]) -> None:
        """Write lines so that they survive a crash of the machine; all of them or a torn part."""
        is_new = not self._path.exists()
        with explained(self._path):
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("ab", buffering=0) as file:
                whole = file.seek(0, os.SEEK_END)
                try:
                    _write_all(file.fileno(), _as_bytes(lines))
                    os.fsync(file.fileno())
                except OSError:
                    with suppress(OSError):  # resume cuts what cannot be cut now
                        file.truncate(whole)
                    raise
            if is_new:
                _sync_folder(self._path.parent)

    def _read(self, file: BufferedRandom) -> tuple[int, list[Line], bool]:
        """Return the bytes of all whole lines, the last of each sample, and if these are all."""
        size, is_ordered = 0, True
        lines: list[Line] = []
        failed: dict[str, int] = {}
        for number, raw in enumerate(file, 1):
            line = _line(raw)
            if line is None and not file.peek(1):
                break
            line = self._checked(number, line, len(lines), failed)
            name = _id_of(line)
            place = failed.pop(name, len(lines))
            is_ordered = is_ordered and place == len(lines)
            lines[place : place + 1] = [line]
            if not is_answered(line):
                failed[name] = place
            size += len(raw)
        return size, lines, is_ordered

    def _checked(self, number: int, line: Line | None, done: int, failed: Container[str]) -> Line:
        """Return a line that this run may have written after ``done`` samples."""
        place = f"{self._path} line {number}"
        if line is None:
            raise InputError(f"{place} is no prediction: the file was changed by hand. {_ADVICE}")
        found = _id_of(line)
        if found in failed:
            return line
        if done >= len(self._ids):
            raise InputError(f"{place} is one more than there are samples. {_ADVICE}")
        if found != self._ids[done]:
            raise InputError(
                f"{place} is of sample {found!r}; expected {self._ids[done]!r}. {_ADVICE}"
            )
        return line


def _line(raw: bytes) -> Line | None:
    """Return a prediction; None if this is not a whole line of one."""
    if not raw.endswith(b"\n"):
        return None
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(line, dict) or not isinstance(line.get("prediction"), str):
        return None
    return line if isinstance(_id_of(line), str) else None


def _id_of(line: Line) -> Any:
    return line.get("sample_id", line.get("study_id"))


def _as_bytes(lines: Iterable[Line]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a predictions file that is whole.

    Raises
    ------
    InputError
        If it is not there, or a line of it is not one of ours.
    """
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                line = _line(raw)
                if line is None:
                    raise InputError(f"{path} line {number} is no prediction. {_ADVICE}")
                yield line
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}. Run it again.") from error
