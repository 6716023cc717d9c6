"""Rates of training, and the operations that they stand for."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import Dinov2Config, Dinov2Model

from models.libra.projectors import build_projector
from models.libra.tower import VisionTower
from models.training.tuning.learner import Learner
from models.training.tuning.model_work import work_of
from models.training.tuning.throughput import Amounts, Stopwatch, Work, peak_of, throughput
from tests.models.random_models import language_model

TOKENS, ANSWERS = 30, 9


@pytest.mark.parametrize(
    ("device", "peak"),
    [
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA H100 80GB HBM3", 989.4e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA RTX A6000", 154.8e12),
        ("NVIDIA A10", 125e12),
        ("Some CPU", None),
    ],
)
def test_a_device_has_its_own_peak(device: str, peak: float | None) -> None:
    assert peak == peak_of(device)


def test_rates_are_amounts_per_second() -> None:
    work = Work(per_sample=10, per_token=1, per_square=0.5, per_answer=2)
    amounts = Amounts(samples=2, tokens=20, squares=200, answers=5)
    assert work.operations(amounts) == 150
    assert throughput(work, amounts, seconds=4.0, peak=75.0) == {
        "samples_per_s": 0.5,
        "tokens_per_s": 5.0,
        "mfu": 0.5,
    }


def test_without_a_known_peak_there_is_no_utilisation() -> None:
    assert throughput(Work(1, 1, 1, 1), Amounts(samples=1), 1.0, None)["mfu"] is None


def test_a_pause_is_not_timed() -> None:
    watch = Stopwatch()
    with watch.pause():
        time.sleep(0.05)
    assert watch.read() < 0.04


def learner(*, trains: str) -> Learner:
    encoder = Dinov2Model(
        Dinov2Config(
            hidden_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            image_size=28,
            patch_size=7,
            attn_implementation="eager",
        )
    )
    tower = VisionTower(encoder, "all", "patch")
    found = Learner(
        language_model("Llama", attn_implementation="eager"),
        tower,
        build_projector("TAC", 16, 32, 4, 4),
    )
    for name, parameter in found.named_parameters():
        parameter.requires_grad_(name.startswith(trains))
    return found


@pytest.mark.parametrize("trains", ["mm_projector", "language_model"])
def test_operations_are_those_that_torch_counts(trains: str) -> None:
    one = learner(trains=trains)
    ids = torch.full((1, TOKENS), 5)
    ids[0, 1] = -200
    labels = torch.where(torch.arange(TOKENS) >= TOKENS - ANSWERS, ids, -100)
    batch = {"input_ids": ids, "labels": labels, "attention_mask": torch.ones_like(ids)}
    pixels = torch.rand(2, 1, 3, 28, 28)
    with FlopCounterMode(display=False) as counter:
        one(**batch, images=pixels)["loss"].backward()
    length = TOKENS - 1 + one.vision_tower.num_patches
    amounts = Amounts(samples=1, tokens=length, squares=length**2, answers=ANSWERS)
    work = work_of(one)
    # torch counts attention as if it were not causal
    work = replace(work, per_square=2 * work.per_square)
    assert counter.get_total_flops() == pytest.approx(work.operations(amounts), rel=0.05)


def test_a_cache_of_features_spares_the_towers_work() -> None:
    one = learner(trains="mm_projector")
    spared = work_of(one).per_sample - work_of(one, encodes=False).per_sample
    linear = sum(x.weight.numel() for x in one.vision_tower.modules() if isinstance(x, nn.Linear))
    assert spared > 2 * 2 * linear * one.vision_tower.num_patches
