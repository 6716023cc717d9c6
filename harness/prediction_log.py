"""Predictions on disk: one JSON line per sample, appended, in study order."""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import BufferedRandom
from itertools import chain
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
    sequence: int | None = None,
) -> Line:
    """Return a generation in the form of the predictions file; what is None is left out.

    ``inputs`` are hashes of what the answer was made from, ``sequence`` is its number where
    several were asked for.
    """
    line = {
        "sample_id": sample_id if sample_id != study_id else None,
        "study_id": study_id,
        "sequence": sequence,
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

    A sample has ``n_sequences`` lines, one below the other, or a single one if it failed. Lines
    are only ever appended: a sample that failed may be answered again further down, until
    ``resume`` puts the later lines in the place of the earlier one.
    """

    def __init__(self, path: Path, ids: Sequence[str], n_sequences: int = 1) -> None:
        self._path = path
        self._ids = ids
        self._n_sequences = n_sequences

    def resume(self) -> list[Line]:
        """Put the file in order, and return the first line of each sample that is in it, in order.

        A process that was killed, or a full disk, may leave a last line that is not whole, or not
        all lines of the last sample; only these are cut.

        Raises
        ------
        InputError
            If a line is not one that this run wrote there.
        """
        if not self._path.exists():
            return []
        with explained(self._path):
            with self._path.open("r+b") as file:
                size, samples, is_ordered = self._read(file)
                file.truncate(size)
                os.fsync(file.fileno())
            if not is_ordered:
                write_bytes(self._path, _as_bytes(chain.from_iterable(samples)))
        return [lines[0] for lines in samples]

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

    def _read(self, file: BufferedRandom) -> tuple[int, list[list[Line]], bool]:
        """Return the bytes of whole samples, the last lines of each, and if these are all."""
        size, end, is_ordered = 0, 0, True
        samples: list[list[Line]] = []
        lines: list[Line] = []
        failed: dict[str, int] = {}
        for number, raw in enumerate(file, 1):
            line = _line(raw)
            if line is None and not file.peek(1):
                break
            lines.append(self._checked(number, line, lines, len(samples), failed))
            end += len(raw)
            if len(lines) < self._n_sequences and is_answered(lines[-1]):
                continue
            name = _id_of(lines[0])
            place = failed.pop(name, len(samples))
            is_ordered = is_ordered and place == len(samples)
            samples[place : place + 1] = [lines]
            if not is_answered(lines[0]):
                failed[name] = place
            size, lines = end, []
        return size, samples, is_ordered

    def _checked(
        self,
        number: int,
        line: Line | None,
        above: Sequence[Line],
        done: int,
        failed: Container[str],
    ) -> Line:
        """Return a line that this run may have written after ``done`` samples.

        ``above`` are the lines of the same sample that stand above it.
        """
        place = f"{self._path} line {number}"
        if line is None:
            raise InputError(f"{place} is no prediction: the file was changed by hand. {_ADVICE}")
        found, sequence = _id_of(line), line.get("sequence", 0)
        if above and found != _id_of(above[0]):
            missing = f"answer {len(above)} to sample {_id_of(above[0])!r}"
            raise InputError(f"{place} is of sample {found!r}; expected {missing}. {_ADVICE}")
        if sequence != len(above):
            raise InputError(
                f"{place} is answer {sequence!r} to sample {found!r}; expected answer "
                f"{len(above)}. {_ADVICE}"
            )
        if above or found in failed:
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
