"""A stage's model judged while it is trained: its loss, and the reports that it writes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate.utils import broadcast_object_list, gather_object, reduce
from torch import Tensor
from torch.utils.data import DataLoader

from models.training.tuning.generated_reports import ReportWriter
from models.training.tuning.learner import Learner
from models.training.tuning.material import Material
from models.training.tuning.recipe import TuningStage
from models.training.tuning.report_scores import report_scores


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this is."""

    index: int = 0
    count: int = 1


def dealt(batches: int, processes: Processes) -> list[tuple[int, bool]]:
    """Return the batches of a process, and whether it counts each.

    All processes have as many, since under ZeRO-3 every forward pass needs every process: at the
    end some take the last batch again, uncounted.

    >>> dealt(3, Processes(index=1, count=2))
    [(1, True), (2, False)]
    """
    turns = range(math.ceil(batches / processes.count))
    places = [turn * processes.count + processes.index for turn in turns]
    return [(place, True) if place < batches else (batches - 1, False) for place in places]


class Evaluation:
    """Judges a learner; memory holds one batch at a time, whatever the number of studies.

    Parameters
    ----------
    stage
        Its ``validation`` says what is computed.
    valid
        The records.
    writer
        Writes reports; None where no metric is asked for.
    processes
        Records are dealt out to them.
    """

    def __init__(
        self,
        stage: TuningStage,
        valid: Material,
        writer: ReportWriter | None,
        processes: Processes,
    ) -> None:
        self._workers, self._validation = stage.workers, stage.validation
        self._valid, self._writer, self._processes = valid, writer, processes

    def run(self, learner: Learner, wrapper: Any = None) -> dict[str, float]:
        """Return ``loss``, the mean over learnt tokens, and the metrics of generated reports.

        The state of random number generators and of the learner is as before. ``wrapper`` is
        DeepSpeed's around the learner, if it is used.
        """
        with _as_before(learner), torch.no_grad():
            found = {"loss": self._loss(learner)}
            if self._writer is not None:
                found.update(self._scores(self._writer, wrapper))
        return found

    def _loss(self, learner: Learner) -> float:
        batches = self._batches()
        turns = dealt(len(batches), self._processes)
        mine = [batches[place] for place, _ in turns]
        loader: DataLoader[Any] = DataLoader(
            self._valid.dataset,
            batch_sampler=mine,
            collate_fn=self._valid.collator,
            num_workers=self._workers,
            generator=torch.Generator(),  # the global one is training's
        )
        device = next(learner.parameters()).device
        # float64: a sum over the whole set loses no small batch
        sums = torch.zeros(2, dtype=torch.float64, device=_sums_on(device))
        for batch, (_, is_counted) in zip(loader, turns, strict=True):
            given: dict[str, Tensor] = {name: one.to(device) for name, one in batch.items()}
            found = learner(**given, num_items_in_batch=1)
            if is_counted:
                sums += torch.stack([found["loss"].double(), found["tokens"].double()]).to(sums)
        total, tokens = reduce(sums).tolist()
        return float(total / tokens) if tokens else math.nan

    def _batches(self) -> list[list[int]]:
        """Return batches of like length, the longest first, so that memory runs out at once."""
        kept = self._valid.lengths[: self._validation.studies]
        order = np.argsort(-kept, kind="stable").tolist()
        size = self._validation.batch_size
        return [order[start : start + size] for start in range(0, len(order), size)]

    def _scores(self, writer: ReportWriter, wrapper: Any) -> Mapping[str, float]:
        wanted = min(self._validation.generated, len(self._valid.dataset))
        mine = range(self._processes.index, wanted, self._processes.count)
        texts = writer.write(self._valid, mine, wrapper)
        written: list[tuple[int, str]] = gather_object(list(zip(mine, texts, strict=True)))
        scores: list[dict[str, float] | None] = [None]
        if self._processes.index == 0:
            references = [self._valid.dataset.record(place).reference for place in range(wanted)]
            ordered = [text for _, text in sorted(written)]
            scores = [report_scores(ordered, references, self._validation.metrics)]
        broadcast_object_list(scores)
        return scores[0] or {}


def _sums_on(device: torch.device) -> torch.device:
    # Apple's GPUs have no float64
    return torch.device("cpu") if device.type == "mps" else device


@contextmanager
def _as_before(learner: Learner) -> Iterator[None]:
    was_training = learner.training
    learner.eval()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        learner.train(was_training)
