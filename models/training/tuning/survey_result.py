"""What a survey found, in memory and on disk."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.atomic import replace_file
from models.errors import InputError
from models.training.teaching import Remark
from models.training.tuning.records import REASONS

LEFT_OUT_FILE = "left_out.jsonl"
_KEPT_FILE = "survey.npz"


@dataclass(frozen=True)
class Survey:
    """The lengths of records, and which of them teach.

    Parameters
    ----------
    lengths
        int32 ``[records]``: tokens that the language model reads, an image counted as its patches.
    answers
        int32 ``[records]``: tokens that are learnt; 0 where a record teaches nothing.
    left_out
        Records that teach nothing: the name of one of `records.REASONS`, and what more there is
        to say.
    marked
        Records that teach, but hold a text that the template uses as a mark.
    """

    lengths: NDArray[np.int32]
    answers: NDArray[np.int32]
    left_out: tuple[Remark, ...]
    marked: tuple[Remark, ...]

    @property
    def rows(self) -> NDArray[np.int64]:
        """The records that teach, in file order."""
        return np.flatnonzero(self.answers)

    @property
    def counts(self) -> Counter[str]:
        """How many records are left out for each reason, by its name."""
        return Counter(remark.reason.partition(":")[0] for remark in self.left_out)

    def summary(self) -> str:
        """Return the counts as sentences."""
        said = f"{len(self.rows):,} of {len(self.answers):,} records teach."
        reasons = [f"{count:,} because {REASONS[name]}" for name, count in self.counts.items()]
        if reasons:
            said += f" Left out are {', '.join(reasons)}."
        if self.marked:
            said += f" {len(self.marked):,} hold a mark of the template in their text."
        return said


def kept_survey(keep: Path, key: str) -> Survey | None:
    """Return a survey that was kept under a key; None if there is none, or it is damaged."""
    try:
        with np.load(keep / _KEPT_FILE, allow_pickle=False) as file:
            said = json.loads(file["said"].tobytes())
            if said["key"] != key:
                return None
            remarks = [tuple(Remark(*one) for one in said[name]) for name in ("left_out", "marked")]
            return Survey(file["lengths"], file["answers"], *remarks)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def keep_survey(keep: Path, found: Survey, key: str) -> None:
    """Write a survey into its folder, and beside it the records that teach nothing.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    remarks = {
        name: [[one.record, one.reason] for one in getattr(found, name)]
        for name in ("left_out", "marked")
    }
    lines = [
        json.dumps({"record": one.record, "reason": one.reason}, ensure_ascii=False) + "\n"
        for one in found.left_out
    ]
    buffer = io.BytesIO()
    said = np.frombuffer(json.dumps({"key": key, **remarks}).encode(), np.uint8)
    np.savez(buffer, lengths=found.lengths, answers=found.answers, said=said)
    try:
        keep.mkdir(parents=True, exist_ok=True)
        replace_file(keep / LEFT_OUT_FILE, "".join(lines).encode())
        replace_file(keep / _KEPT_FILE, buffer.getvalue())
    except OSError as error:
        raise InputError(
            f"{keep}: what was found of the records cannot be written ({error.strerror}). Free "
            "space on its disk, or choose another output."
        ) from error
