"""What every record comes to before the first step: its length, and whether it teaches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training.teaching import Remark
from models.training.tuning.records import Records


@dataclass(frozen=True)
class Encoding:
    """How conversations become ids: what all processes must agree on.

    ``patches`` is how many positions an image takes in the language model, ``start_and_end`` the
    checkpoint's ``mm_use_im_start_end``.
    """

    tokenizer: Any
    template: str
    model_max_length: int
    patches: int
    start_and_end: bool = False


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
        Records that teach nothing, each with one of `records.REASONS`.
    marked
        Records that teach, but hold a text that the template uses as a mark.
    """

    lengths: NDArray[np.int32]
    answers: NDArray[np.int32]
    left_out: tuple[Remark, ...]
    marked: tuple[Remark, ...]

    @property
    def taught(self) -> NDArray[np.bool_]:
        """Whether each record teaches."""
        return self.answers > 0

    @property
    def counts(self) -> Counter[str]:
        """How many records are left out for each reason."""
        return Counter(remark.reason for remark in self.left_out)


def survey(records: Records, encoding: Encoding, workers: int, keep: Path) -> Survey:
    """Return what every record comes to, read and tokenised once by worker processes.

    Parameters
    ----------
    keep
        A folder; the result is kept there, and a second call with the same records and encoding
        reads it. ``left_out.jsonl`` in it names the records that teach nothing, and why.

    Raises
    ------
    InputError
        If a record cannot be read or none teaches.
    """
    raise NotImplementedError
