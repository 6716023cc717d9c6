"""Counted operations against those that torch counts in real steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from models.training.operations import Operations, tower_operations
from models.training.phantom.operations import Example, operations_of
from models.training.phantom.parts import build_parts
from models.training.phantom.recipe import LoraShape, Part, Recipe, Stage, Subject
from models.training.phantom.stages import Course
from models.training.phantom.vocabulary import tokenize_reports
from tests.models.training.phantom.tiny_recipe import RECIPE, lessons

LESSONS, _ = lessons()
BATCH = 8
LORA = LoraShape(rank=4, alpha=8)


def counted_by_torch(course: Course, stage: Stage) -> tuple[float, float]:
    """Return the operations of the forward and of the backward pass of one example."""
    task, _ = course.task(stage)
    # torch counts nothing inside its fused attention for CPUs
    with sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as forward:
            loss = task(torch.arange(BATCH))["loss"]
        with FlopCounterMode(display=False) as backward:
            loss.backward()
    return forward.get_total_flops() / BATCH, backward.get_total_flops() / BATCH


def counted(course: Course, recipe: Recipe, stage: Stage) -> Operations:
    reports = tokenize_reports(course.tokenizer, LESSONS.reports)
    texts = Example(len(reports.before) + len(reports.after), int(reports.lengths[:BATCH].max()))
    with torch.device("meta"):
        parts = build_parts(recipe, len(course.tokenizer))
        return operations_of(stage, parts, LESSONS.sites, LORA.rank, texts)


@pytest.mark.parametrize(
    ("projector", "learns", "trains"),
    [
        ("TAC", "lesions", ("tower",)),
        ("TAC", "changes", ("projector",)),
        ("TAC", "wording", ("language_model",)),
        ("TAC", "reports", ("projector", "language_model")),
        ("TAC", "reports", ("projector",)),
        ("TAC", "reports", ("language_model",)),
        ("TAC", "reports", ("projector", "lora")),
        ("TAC", "reports", ("lora",)),
        ("mlp2x_gelu", "changes", ("projector",)),
        ("mlp2x_gelu", "reports", ("projector", "language_model")),
        ("linear", "reports", ("projector",)),
    ],
)
def test_a_step_has_as_many_operations_as_torch_counts(
    tmp_path: Path, projector: str, learns: Subject, trains: tuple[Part, ...]
) -> None:
    stage = Stage("one", learns, trains, 1, BATCH, 0.001, auxiliary_weight=0.3)
    recipe = replace(RECIPE, projector=projector, lora=LORA, stages=(stage,))
    course = Course(recipe, LESSONS, tmp_path, resume=False)
    found = counted(course, recipe, stage)
    forward, backward = counted_by_torch(course, stage)
    assert forward == pytest.approx(found.forward, rel=0.005)
    assert backward == pytest.approx(found.inputs + found.matrices, rel=0.005)


def test_a_finished_tower_costs_its_forward_pass() -> None:
    parts = build_parts(RECIPE, 320)
    size = RECIPE.tower.image_size
    with torch.no_grad(), FlopCounterMode(display=False) as by_torch:
        parts.tower(torch.zeros(1, 3, size, size))
    found = tower_operations(parts.tower, trained=False)
    assert by_torch.get_total_flops() == pytest.approx(found.total, rel=0.005)
    assert found.total == found.forward
