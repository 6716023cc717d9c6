from __future__ import annotations

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from models.training.tuning.activations import Activations, record_activations
from models.training.tuning.memory import DeviceMemory, States, memory_table
from models.training.tuning.recipe import Precision, TrainedPart, TuningStage
from tests.models.training.tuning.tiny_parts import LORA, learner_of, tiny_parts

BILLION = 10**9
TOKENS = 60


def rows(states: States, precision: Precision = "bf16") -> dict[tuple[int, str], DeviceMemory]:
    table = memory_table(states, 0, precision)
    return {(row.devices, row.sharding): row for row in table}


def test_fully_trained_weights_take_what_the_paper_on_zero_says() -> None:
    # 7.5 billion of 16 bytes: 2 for weights, 2 for gradients, 12 for the optimiser
    found = rows(States(15 * BILLION // 2, 0, 0, 0))
    assert 120 * BILLION == found[1, "zero2"].total
    assert 15 * BILLION + 105 * BILLION // 8 == found[8, "zero2"].total
    # at most a billion weights are together at a time
    assert 15 * BILLION + 2 * BILLION == found[8, "zero3"].total


def test_offloading_leaves_the_host_what_the_devices_had() -> None:
    found = rows(States(BILLION, 7 * BILLION, 0, 0))[1, "zero3_offload"]
    assert (0, 0, 2 * BILLION) == (found.gradients, found.optimiser, found.total)
    # weights, a gradient in float32 and 12 bytes for the optimiser
    assert 16 * BILLION + 4 * BILLION + 12 * BILLION == found.host


def test_without_zero_trained_weights_are_float32_and_rounded_while_a_step_runs() -> None:
    found = rows(States(100, 1000, 10, 50))[1, "none"]
    assert 6 * 100 + 2 * 1000 + 4 * 10 + 2 * 50 == found.weights
    assert (400, 800) == (found.gradients, found.optimiser)


def test_in_float32_nothing_is_rounded() -> None:
    found = rows(States(100, 1000, 10, 50), "fp32")[1, "none"]
    assert 4 * 1160 == found.weights


def test_the_frozen_tower_is_on_every_device() -> None:
    assert 2 * BILLION == rows(States(0, 0, 0, BILLION))[8, "zero3"].total


def test_a_device_fits_if_a_tenth_of_it_stays_free() -> None:
    states = States(0, 0, 0, 0)
    exact = 48 * 2**30 * 9 // 10
    assert "A6000" in memory_table(states, exact, "bf16")[0].fits
    assert "A6000" not in memory_table(states, exact + 1, "bf16")[0].fits
    assert ("H200",) == memory_table(states, 100 * 2**30, "bf16")[0].fits


def test_with_checkpointing_one_block_is_whole_at_a_time() -> None:
    found = Activations(blocks=4, block=100, block_input=7, projector=20, head=3)
    assert (4 * 7 + 100 + 23, 4 * 100 + 23) == (found.kept(True), found.kept(False))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("trains", [("projector",), ("lora",), ("language_model",)])
@pytest.mark.parametrize("family", ["Llama", "Gemma", "Qwen3"])
def test_blocks_keep_what_autograd_keeps_of_a_real_pass(
    family: str, trains: tuple[TrainedPart, ...], attention: str
) -> None:
    stage = TuningStage(
        "one",
        trains,
        attention=attention,  # type: ignore[arg-type]
        gradient_checkpointing=False,
        precision="bf16",
    )
    parts = tiny_parts("TAC", family, num_hidden_layers=6)
    planned = record_activations(parts, stage, LORA, TOKENS, 1)
    language = parts.language_model.to(torch.bfloat16)
    learner = learner_of(parts, stage)
    if "lora" in trains:  # adapters are float32, for autocast to round
        for name, parameter in language.named_parameters():
            if "lora_" in name:
                parameter.data = parameter.data.float()
    hidden = torch.randn(1, TOKENS, 32, dtype=torch.bfloat16, requires_grad=True)
    kept: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    decoder = learner.language_model.get_decoder()
    with torch.autocast("cpu", torch.bfloat16), saved_tensors_hooks(keep, lambda one: one):
        decoder(inputs_embeds=hidden, use_cache=False)
    own = {one.untyped_storage()._cdata for one in language.parameters()}
    sizes = {one.untyped_storage()._cdata: one.untyped_storage().nbytes() for one in kept}
    measured = sum(size for storage, size in sizes.items() if storage not in own)
    assert measured == pytest.approx(6 * planned.block, rel=0.1)


def test_a_projector_that_is_frozen_keeps_nothing() -> None:
    parts = tiny_parts()
    frozen = record_activations(parts, TuningStage("one", ("lora",)), LORA, TOKENS, 1)
    trained = record_activations(parts, TuningStage("one", ("projector",)), LORA, TOKENS, 1)
    assert frozen.projector == 0
    # all four layers of both images, at least, in float32
    assert trained.projector > 2 * 4 * 4 * 49 * 16
