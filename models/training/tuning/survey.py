"""What every record comes to before the first step: its length, and whether it teaches."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import InputError
from models.training.teaching import Remark, check_teaching, examine
from models.training.tuning.records import NothingToTeachError, Records
from models.training.tuning.survey_result import LEFT_OUT_FILE, Survey, keep_survey, kept_survey

__all__ = ["Encoding", "Survey", "survey"]

_VERSION = 3
_AT_ONCE = 500
_FEW = 4_000
"""Up to so many records starting a process takes longer than reading them."""


@dataclass(frozen=True)
class Encoding:
    """How conversations become ids: what all processes must agree on.

    ``patches`` is how many positions an image takes in the language model, ``start_and_end`` the
    checkpoint's ``mm_use_im_start_end``. With ``needs_image`` a text without an image teaches
    nothing, since the projector alone is trained.
    """

    tokenizer: Any
    template: str
    model_max_length: int
    patches: int
    start_and_end: bool = False
    needs_image: bool = False

    def digest(self) -> str:
        """Return a SHA-256 of all that decides how a conversation is encoded."""
        tokenizer = self.tokenizer.backend_tokenizer.to_str()
        said = [tokenizer, self.template, self.model_max_length, self.patches]
        said += [self.start_and_end, self.needs_image]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def survey(
    records: Records,
    encoding: Encoding,
    workers: int,
    keep: Path,
    advance: Callable[[int], None] = lambda records: None,
) -> Survey:
    """Return what every record comes to, each read and tokenised once by worker processes.

    Parameters
    ----------
    records, encoding
        What is to be trained on.
    workers
        Processes beside this one.
    keep
        A folder of this survey's own, made if it is not there. The result is kept in it, and a
        second call with the same records and encoding reads it again. ``left_out.jsonl`` names
        the records that teach nothing, and why.
    advance
        Told how many records more have been read.

    Raises
    ------
    InputError
        If a record cannot be read, none teaches, or the folder cannot be written to.
    """
    said = f"{_VERSION} {records.digest()} {encoding.digest()}"
    key = hashlib.sha256(said.encode()).hexdigest()
    found = kept_survey(keep, key)
    if found is None:
        check_teaching(encoding.tokenizer, encoding.template)
        found = _made(records, encoding, workers, advance)
        keep_survey(keep, found, key)
    if not len(found.rows):
        raise InputError(
            f"Nothing can be learnt from the data: {found.summary()} {keep / LEFT_OUT_FILE} names "
            "the records."
        )
    return found


@dataclass(frozen=True)
class _Part:
    lengths: list[int]
    answers: list[int]
    left_out: list[Remark]
    marked: list[Remark]


def _made(
    records: Records, encoding: Encoding, workers: int, advance: Callable[[int], None]
) -> Survey:
    parts = []
    for part in _parts(records, encoding, workers):
        parts.append(part)
        advance(len(part.lengths))
    return Survey(
        np.array([one for part in parts for one in part.lengths], np.int32),
        np.array([one for part in parts for one in part.answers], np.int32),
        tuple(one for part in parts for one in part.left_out),
        tuple(one for part in parts for one in part.marked),
    )


def _parts(records: Records, encoding: Encoding, workers: int) -> Iterable[_Part]:
    count = len(records)
    spans = [range(i, min(i + _AT_ONCE, count)) for i in range(0, count, _AT_ONCE)]
    if workers < 1 or count <= _FEW:
        yield from (_read(records, encoding, span) for span in spans)
        return
    # spawned: a fork would copy the threads' locks of whatever this process has loaded
    with ProcessPoolExecutor(
        workers, get_context("spawn"), _Worker.begin, (records, encoding)
    ) as pool:
        yield from pool.map(_Worker.read, spans)


class _Worker:
    """What a worker process was given once, for all of its parts."""

    given: tuple[Records, Encoding]

    @classmethod
    def begin(cls, records: Records, encoding: Encoding) -> None:
        cls.given = records, encoding

    @classmethod
    def read(cls, span: range) -> _Part:
        return _read(*cls.given, span)


def _read(records: Records, encoding: Encoding, span: range) -> _Part:
    part = _Part([], [], [], [])
    for index in span:
        length, learnt = 0, 0
        try:
            length, learnt = _one(records, encoding, index, part)
        except NothingToTeachError as error:
            part.left_out.append(Remark(error.record, error.reason))
        part.lengths.append(length)
        part.answers.append(learnt)
    return part


def _one(records: Records, encoding: Encoding, index: int, part: _Part) -> tuple[int, int]:
    record = records[index]
    if not all(map(os.path.isfile, record.images)):
        raise NothingToTeachError(record.id, "missing_image")
    found = examine(
        record.conversation,
        encoding.tokenizer,
        encoding.template,
        bool(record.images),
        encoding.model_max_length,
        start_and_end=encoding.start_and_end,
    )
    if found.refused:
        part.left_out.append(Remark(record.id, f"refused: {found.refused}"))
    elif found.silent:
        part.left_out.append(Remark(record.id, f"no_token: {found.silent}"))
    elif found.images > 1:
        raise NothingToTeachError(record.id, "many_places")
    elif encoding.needs_image and not found.images:
        raise NothingToTeachError(record.id, "no_place")
    elif found.marks:
        part.marked.append(Remark(record.id, f"holds {' and '.join(found.marks)}"))
    return found.tokens + found.images * (encoding.patches - 1), found.learnt
