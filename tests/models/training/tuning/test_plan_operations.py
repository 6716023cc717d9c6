"""Planned operations against those that torch counts in real steps of the learner."""

from __future__ import annotations

import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from models.training.tuning.recipe import TrainedPart, TuningStage
from models.training.tuning.stage_sizes import record_operations
from tests.models.training.tuning.tiny_parts import LORA, batch, learner_of, tiny_parts

RECORDS, BEFORE, AFTER, LEARNT = 3, 9, 21, 14


def check_against_torch(stage: TuningStage, projector: str, family: str) -> None:
    parts = tiny_parts(projector, family)
    length = BEFORE + parts.vision_tower.num_patches + AFTER
    planned = record_operations(parts, stage, LORA, length, LEARNT)
    learner = learner_of(parts, stage)
    # torch counts nothing inside its fused attention for CPUs
    with sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as forward:
            loss = learner(**batch(RECORDS, BEFORE, AFTER, LEARNT))["loss"]
        with FlopCounterMode(display=False) as backward:
            loss.backward()
    assert forward.get_total_flops() / RECORDS == pytest.approx(planned.forward, rel=0.01)
    later = planned.inputs + planned.matrices + planned.again
    assert backward.get_total_flops() / RECORDS == pytest.approx(later, rel=0.01)


@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize(
    "trains",
    [
        ("projector",),
        ("lora",),
        ("language_model",),
        ("projector", "lora"),
        ("projector", "language_model"),
    ],
)
@pytest.mark.parametrize("projector", ["TAC", "mlp2x_gelu"])
def test_a_record_costs_what_torch_counts(
    projector: str, trains: tuple[TrainedPart, ...], checkpointed: bool
) -> None:
    stage = TuningStage("one", trains, gradient_checkpointing=checkpointed)
    check_against_torch(stage, projector, "Llama")


@pytest.mark.parametrize("family", ["Mistral", "Phi3", "Gemma", "Qwen2", "Qwen3"])
def test_a_record_costs_what_torch_counts_in_every_family(family: str) -> None:
    stage = TuningStage("one", ("projector", "lora"))
    check_against_torch(stage, "TAC", family)
    check_against_torch(TuningStage("one", ("lora",)), "TAC", family)
