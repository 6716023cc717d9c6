"""What is said when memory runs out."""

from __future__ import annotations

import pytest
import torch

from models.errors import InputError
from models.training.tuning.memory_advice import explained_memory
from models.training.tuning.recipe import TuningStage


def said(stage: TuningStage) -> str:
    with pytest.raises(InputError) as caught, explained_memory(stage):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    return str(caught.value)


def test_what_can_be_lowered_is_named_with_its_value() -> None:
    message = said(TuningStage("findings", ("lora",), batch_size=16, gradient_checkpointing=False))
    for piece in (
        "Memory ran out in stage 'findings'",
        "gradient_checkpointing",
        "batch_size from 16 to 8 and raise accumulation to 2",
        "zero2 or zero3 or zero3_offload",
        "--plan",
    ):
        assert piece in message


def test_what_is_done_already_is_not_advised() -> None:
    message = said(TuningStage("one", ("lora",), batch_size=1, sharding="zero3_offload"))
    assert "gradient_checkpointing" not in message
    assert "batch_size from" not in message
    assert "zero" not in message


def test_memory_of_the_host_counts_too() -> None:
    with pytest.raises(InputError), explained_memory(TuningStage("one", ("lora",))):
        raise MemoryError


def test_any_other_error_passes() -> None:
    stage = TuningStage("one", ("lora",))
    with pytest.raises(RuntimeError, match="of another kind"), explained_memory(stage):
        raise RuntimeError("of another kind")
