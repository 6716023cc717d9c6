from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.training.phantom.parts import start_projector
from models.training.phantom.recipe import Recipe
from models.training.phantom.stages import Course
from models.training.phantom.targets import balanced_loss
from tests.models.training.phantom.tiny_recipe import RECIPE, TWO_STAGES, lessons

LESSONS, _ = lessons()


def losses(tmp_path: Path, recipe: Recipe) -> list[list[float]]:
    """Train each stage for 60 steps and return its logged losses."""
    longer = replace(recipe, stages=tuple(replace(stage, steps=60) for stage in recipe.stages))
    course = Course(longer, LESSONS, tmp_path, resume=False)
    for number in range(len(longer.stages)):
        course.take(number, lambda steps: None)
    lines = [json.loads(line) for line in course.log.path.read_text("utf-8").splitlines()]
    return [
        [line["loss"] for line in lines if line["stage"] == stage.name and "loss" in line]
        for stage in longer.stages
    ]


@pytest.mark.parametrize("recipe", [RECIPE, TWO_STAGES], ids=["joint", "two stages"])
def test_every_stage_lowers_its_loss(tmp_path: Path, recipe: Recipe) -> None:
    for early, late in losses(tmp_path, recipe):
        assert late < early


def test_a_stage_leaves_alone_what_it_does_not_train(tmp_path: Path) -> None:
    course = Course(RECIPE, LESSONS, tmp_path, resume=False)
    before = {k: v.clone() for k, v in course.parts.language_model.state_dict().items()}
    course.take(0, lambda steps: None)
    after = course.parts.language_model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_connector_starts_with_fused_features_of_scale_one(tmp_path: Path) -> None:
    course = Course(RECIPE, LESSONS, tmp_path, resume=False)
    features = torch.randn(20, 8, 16, 16)
    start_projector(course.parts.projector, features)
    fused = course.parts.projector.fuse(features)
    assert 1.0 == pytest.approx(fused.square().mean().sqrt().item(), abs=1e-4)


def test_what_is_present_weighs_more_than_what_is_not() -> None:
    logits = torch.zeros(2, 4)
    logits[:, 0] = 5.0
    wanted = torch.tensor([0, 3])
    light = balanced_loss(logits, wanted, torch.tensor(1.0))
    heavy = balanced_loss(logits, wanted, torch.tensor(9.0))
    nothing, missed = torch.nn.functional.cross_entropy(logits, wanted, reduction="none").tolist()
    assert (nothing + missed) / 2 == pytest.approx(light.item())
    assert (nothing + 9 * missed) / 10 == pytest.approx(heavy.item())
