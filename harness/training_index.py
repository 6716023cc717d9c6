"""One file of training data: where its records stand, and what must be known of all of them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.datasets import flat, studies
from harness.datasets.context_text import SECTIONS
from harness.datasets.detection import detect_format
from harness.datasets.record import FIELDS
from harness.datasets.study_set import file_sha256
from harness.errors import InputError
from harness.suggest import suggestion
from harness.training_files import FoundRecord, found_in_list, found_lines, is_json_list, record_at
from metrics.files.quoting import listed, quoted
from metrics.files.sample_ids import refuse_repeated
from metrics.files.text_lines import MAX_LINE_BYTES

Form = Literal["studies", "flat", "list"]
_KNOWN = {"studies": frozenset(studies.KNOWN), "flat": flat.KNOWN}


@dataclass(frozen=True)
class TrainingFile:
    """Places of the records of one file.

    ``starts`` and ``ends`` are bytes, ``lines`` count from 1, ``asked`` is which of the sections a
    record is about; each has one entry per record, int64, int64, int64 and int8. ``notes`` are
    remarks for the person who trains, and ``context`` names all sections of the studies' contexts.
    """

    path: Path
    form: Form
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]
    asked: NDArray[np.int8]
    sha256: str
    notes: tuple[str, ...]
    context: frozenset[str]

    def __len__(self) -> int:
        return len(self.starts)

    def content(self, row: int) -> dict[str, Any]:
        """Return a record as it stands in the file; raises as `record_at`."""
        place = int(self.starts[row]), int(self.ends[row]), int(self.lines[row])
        return record_at(self.path, *place)


def index_file(path: Path, sections: int, split: str | None = None) -> TrainingFile:
    """Return where the records of a file stand, reading it once.

    Parameters
    ----------
    path
        Studies, one JSON object a line; or Libra's records, one JSON list.
    sections
        How many sections each report is asked for. A study with a question is one record.
    split
        Take the studies of this split only.

    Raises
    ------
    InputError
        If a line cannot be read, an id appears twice in a studies file, only some studies name
        their split or none is of the one asked for, or there is no record.
    """
    form = _form(path)
    found = _Found(path, form, sections, split)
    for one in found_in_list(path) if form == "list" else found_lines(path):
        found.add(one)
    return found.finished()


def _form(path: Path) -> Form:
    if is_json_list(path):
        return "list"
    name = detect_format(path, MAX_LINE_BYTES)
    if name == "studies":
        return "studies"
    if name == "flat":
        return "flat"
    raise InputError(
        f"{path} is read as {name!r}, which cannot be trained on. Convert it with "
        f"`python -m harness data libra --input {path} --to train`."
    )


@dataclass
class _Found:
    path: Path
    form: Form
    sections: int
    split: str | None
    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    asked: array[int] = field(default_factory=lambda: array("b"))
    ids: array[int] = field(default_factory=lambda: array("q"))
    unread: dict[str, None] = field(default_factory=dict)
    splits: Counter[str | None] = field(default_factory=Counter)
    without_split: int = 0
    context: set[str] = field(default_factory=set)

    def add(self, found: FoundRecord) -> None:
        content = found.content
        times = 1
        if self.form != "list":
            if not _KNOWN[self.form].issuperset(content):
                unread = (name for name in content if name not in _KNOWN[self.form])
                self.unread.update(dict.fromkeys(unread))
            name = _id(content)
            if name is None:
                place = f"{self.path} line {found.line}"
                raise InputError(f"{place}: no study_id. Give every study an id.")
            self.ids.append(hash(name))
            if not self._is_chosen(content, found.line):
                return
            told = content.get("context")
            self.context.update(told if isinstance(told, dict) else ())
            self.context.update(name for name in SECTIONS if name in content)
            if isinstance(told, str):  # cut at its headings when it is read
                self.context.update(SECTIONS)
            times = self.sections if content.get("question") is None else 1
        for number in range(times):
            self.starts.append(found.start)
            self.ends.append(found.end)
            self.lines.append(found.line)
            self.asked.append(number)

    def finished(self) -> TrainingFile:
        if self.form != "list":
            self._refuse_repeated()
        notes = [*self._of_unread(), *self._of_split()]
        if not self.starts:
            raise InputError(f"{self.path} holds no record. Name a file with some.")
        return TrainingFile(
            self.path,
            self.form,
            np.array(self.starts, np.int64),
            np.array(self.ends, np.int64),
            np.array(self.lines, np.int64),
            np.array(self.asked, np.int8),
            file_sha256(self.path),
            tuple(notes),
            frozenset(self.context),
        )

    def _is_chosen(self, content: dict[str, Any], line: int) -> bool:
        if self.split is None:
            return True
        tags = content.get("tags")
        named = content.get("split") or (tags.get("split") if isinstance(tags, dict) else None)
        self.splits[named if isinstance(named, str) else None] += 1
        if not isinstance(named, str) and not self.without_split:
            self.without_split = line
        return named == self.split or (not isinstance(named, str))

    def _of_split(self) -> Sequence[str]:
        if self.split is None or self.form == "list":
            return []
        named = sorted(name for name in self.splits if name is not None)
        if not named:
            return [f"{self.path}: no study names its split; all are taken for {self.split!r}."]
        if self.without_split:
            raise InputError(
                f"{self.path} line {self.without_split}: the study has no split, but others have. "
                "Add it."
            )
        if self.split not in named:
            raise InputError(
                f"{self.path}: no study is of the split {quoted(self.split)}. "
                f"{suggestion(self.split, named)}"
            )
        others = self.splits.total() - self.splits[self.split]
        return [f"{self.path}: {others:,} studies are of other splits."] if others else []

    def _of_unread(self) -> Sequence[str]:
        if not self.unread:
            return []
        names = list(self.unread)
        near = [hint for name in names if (hint := suggestion(name, FIELDS)).startswith("Did")]
        return [" ".join([f"{self.path}: fields that are not read: {listed(names)}.", *near[:1]])]

    def _refuse_repeated(self) -> None:
        """Refuse an id that appears twice: hashes tell where to look, ids are compared."""
        hashes, counts = np.unique(np.array(self.ids, np.int64), return_counts=True)
        if not (counts > 1).any():
            return
        suspects = frozenset(hashes[counts > 1].tolist())
        first: dict[str, int] = {}
        for found in found_lines(self.path):
            name = _id(found.content)
            if name is None or hash(name) not in suspects:
                continue
            if name in first:
                refuse_repeated(self.path, name, found.line, first[name])
            first[name] = found.line


def _id(content: dict[str, Any]) -> str | None:
    named = content.get("sample_id")
    named = content.get("study_id") if named is None else named
    return None if named is None else str(named)
