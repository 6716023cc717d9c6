"""Counts what is learnt from while it is, and tells the rates of all processes together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import Tensor

from models.libra.prompts import IMAGE_TOKEN_INDEX
from models.training.masking import IGNORE_INDEX
from models.training.tuning.throughput import Amounts, Stopwatch, Work, peak_of, throughput


class Meter:
    """Sums up batches on their device, and reads them together with a watch.

    Parameters
    ----------
    work
        What the model costs.
    patches
        Positions that an image takes in place of its token.
    is_16bit
        Whether matrix products are of 16-bit numbers: the peaks that are known are for those.
    """

    def __init__(self, work: Work, patches: int, *, is_16bit: bool) -> None:
        self._work, self._patches = work, patches
        self._watch = Stopwatch()
        self._sums: Tensor | None = None
        state = PartialState()
        self._peak: float | None = None
        if is_16bit and state.device.type == "cuda":
            peak = peak_of(torch.cuda.get_device_name(state.device))
            self._peak = None if peak is None else peak * state.num_processes

    def begin(self) -> None:
        """Time from now on."""
        self._watch.read()

    def count(self, batch: Mapping[str, Tensor]) -> None:
        """Add a batch; nothing waits for the device."""
        images = (batch["input_ids"] == IMAGE_TOKEN_INDEX).sum(1)
        lengths = (batch["attention_mask"].sum(1) + images * (self._patches - 1)).float()
        answers = (batch["labels"][:, 1:] != IGNORE_INDEX).sum()
        rows = torch.ones_like(lengths)
        sums = torch.stack([rows.sum(), lengths.sum(), (lengths**2).sum(), answers.float()])
        self._sums = sums if self._sums is None else self._sums + sums

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave out the time that this lasts."""
        with self._watch.pause():
            yield

    def read(self) -> dict[str, float | None]:
        """Return the rates since the last reading; empty if nothing was counted."""
        seconds, sums = self._watch.read(), self._sums
        self._sums = None
        if sums is None:
            return {}
        total = reduce(sums)
        return throughput(self._work, Amounts(*total.tolist()), seconds, self._peak)
