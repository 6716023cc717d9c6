"""What to lower when a stage does not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import InputError
from models.memory import is_out_of_memory
from models.training.tuning.recipe import TuningStage


@contextmanager
def explained_memory(stage: TuningStage) -> Iterator[None]:
    """Turn running out of memory into an error that says what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise InputError(
            f"Memory ran out in stage {stage.name!r}. {' '.join(_advice(stage))} "
            "`cxr-harness train RECIPE --plan` estimates what each needs."
        ) from error


def _advice(stage: TuningStage) -> Iterator[str]:
    """Yield what can be lowered, what costs least first."""
    if not stage.gradient_checkpointing:
        yield "Set gradient_checkpointing to true."
    if stage.batch_size > 1:
        halved = f"batch_size from {stage.batch_size} to {stage.batch_size // 2}"
        yield f"Lower {halved} and raise accumulation to {2 * stage.accumulation} instead."
    ways = ("none", "zero2", "zero3", "zero3_offload")
    if further := ways[ways.index(stage.sharding) + 1 :]:
        yield f"Shard further: sharding {' or '.join(further)}."
    yield f"Lower model_max_length ({stage.model_max_length})."
    yield f"Or validate with a smaller validation.batch_size ({stage.validation.batch_size})."
