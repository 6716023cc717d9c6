"""How many updates a stage makes, and after which of them it evaluates and saves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.training import schedule
from models.training.tuning.recipe import TuningStage


@dataclass(frozen=True)
class Steps:
    """Updates of a stage: in an epoch, in all, while warming up, and between two events."""

    per_epoch: int
    total: int
    warmup: int
    evaluate_every: int
    save_every: int


def steps_of(stage: TuningStage, records: int, processes: int = 1) -> Steps:
    """Return a stage's updates over some records that teach.

    The last batches of an epoch are filled up, so that all processes have as many.

    >>> stage = TuningStage("findings", ("lora",), batch_size=4, accumulation=2, epochs=2)
    >>> found = steps_of(stage, records=33, processes=2)
    >>> found.per_epoch, found.total
    (3, 6)
    """
    batches = math.ceil(math.ceil(records / stage.batch_size) / processes)
    per_epoch = math.ceil(batches / stage.accumulation)
    total = stage.max_steps or math.ceil(stage.epochs * per_epoch)
    return Steps(
        per_epoch,
        total,
        schedule.warmup_steps(total, stage.warmup_ratio),
        schedule.evaluation_interval(total, stage.evaluate_every),
        schedule.evaluation_interval(total, stage.save_every),
    )
