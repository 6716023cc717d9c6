"""Predictions on disk: one JSON line per sample, only ever appended, in study order."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.disk_errors import explained
from harness.errors import InputError
from models.adapter import Generation, Prior

Line = dict[str, Any]
_ADVICE = "Put the file back as it was, or give --fresh."


def line_of(
    sample_id: str, study_id: str, model: str, prior: Prior, generation: Generation
) -> Line:
    """Return a generation in the form of the predictions file; what is None is left out."""
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
    }
    return {key: value for key, value in line.items() if value is not None}


class PredictionLog:
    """The predictions file of one system, for samples of known ids in a known order."""

    def __init__(self, path: Path, ids: Sequence[str]) -> None:
        self._path = path
        self._ids = ids

    def resume(self) -> int:
        """Cut off a torn end, if any, and return how many samples are done.

        A process that was killed, or a full disk, may leave a last line that is not whole; only
        that line is cut.

        Raises
        ------
        InputError
            If a line is not the one that this run wrote there.
        """
        if not self._path.exists():
            return 0
        with explained(self._path), self._path.open("r+b") as file:
            whole, done = 0, 0
            for position, raw in enumerate(file):
                found = _sample_id(raw)
                if found is None and not file.peek(1):
                    break
                self._check(position, found)
                whole, done = whole + len(raw), done + 1
            file.truncate(whole)
            os.fsync(file.fileno())
        return done

    def append(self, lines: Sequence[Line]) -> None:
        """Write lines so that they survive a crash of the machine; all of them or a torn part."""
        content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        is_new = not self._path.exists()
        with explained(self._path):
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("ab", buffering=0) as file:
                whole = file.seek(0, os.SEEK_END)
                try:
                    _write_all(file.fileno(), content)
                    os.fsync(file.fileno())
                except OSError:
                    with suppress(OSError):  # resume cuts what cannot be cut now
                        file.truncate(whole)
                    raise
            if is_new:
                _sync_folder(self._path.parent)

    def _check(self, position: int, found: str | None) -> None:
        place = f"{self._path} line {position + 1}"
        if found is None:
            raise InputError(f"{place} is no prediction: the file was changed by hand. {_ADVICE}")
        if position >= len(self._ids):
            raise InputError(f"{place} is one more than there are samples. {_ADVICE}")
        if found != self._ids[position]:
            raise InputError(
                f"{place} is of sample {found!r}; expected {self._ids[position]!r}. {_ADVICE}"
            )


def _sample_id(raw: bytes) -> str | None:
    """Return whose prediction a line holds; None if it is not a whole line."""
    if not raw.endswith(b"\n"):
        return None
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(line, dict) or not isinstance(line.get("prediction"), str):
        return None
    sample_id = line.get("sample_id", line.get("study_id"))
    return sample_id if isinstance(sample_id, str) else None


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
                if _sample_id(raw) is None:
                    raise InputError(f"{path} line {number} is no prediction. {_ADVICE}")
                yield json.loads(raw)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}. Run it again.") from error
