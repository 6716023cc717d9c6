from __future__ import annotations

import json
from dataclasses import replace

import pytest

from models.errors import InputError
from models.hub import BUNDLED
from models.training.phantom.plan import plan_recipe
from models.training.phantom.recipe import LoraShape, Recipe, Stage
from models.training.recipe_files import find_recipe, read_recipe
from tests.models.training.phantom.tiny_recipe import RECIPE, TWO_STAGES

SITES = 19


def bundled(name: str) -> Recipe:
    recipe = read_recipe(find_recipe(name))
    assert isinstance(recipe, Recipe)
    return recipe


@pytest.mark.parametrize("name", ["libra-phantom", "libra-phantom-two-stage", "mlp-phantom"])
def test_every_bundled_recipe_makes_weights_of_less_than_four_megabytes(name: str) -> None:
    assert plan_recipe(bundled(name), SITES).size_bytes < 4_000_000


@pytest.mark.parametrize("name", ["libra-phantom", "mlp-phantom"])
def test_the_estimate_is_what_the_bundled_weights_took_to_a_third(name: str) -> None:
    lines = (BUNDLED / name / "training_log.jsonl").read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    took = {entry["stage"]: entry["cpu_s"] for entry in entries if "cpu_s" in entry}
    stages = plan_recipe(bundled(name), SITES).stages
    assert took == {stage.name: pytest.approx(stage.cpu_s, rel=1 / 3) for stage in stages}


def test_adapters_are_counted_as_trained() -> None:
    # per layer and rank: q, k, v, o of 32 + 32, gate and up of 32 + 48, down of 48 + 32
    adapters = 2 * 2 * (4 * 64 + 3 * 80)
    plan = plan_recipe(TWO_STAGES, SITES)
    assert plan.parameters["projector"] + adapters == plan.stages[-1].trained


def test_the_finished_tower_is_paid_for_once() -> None:
    stages = [Stage(name, "reports", ("projector",), 10, 8, 0.001) for name in ("first", "second")]
    first, second = plan_recipe(replace(RECIPE, stages=tuple(stages)), SITES).stages
    assert first.operations > second.operations


def test_a_frozen_language_model_saves_only_the_gradients_of_its_matrices() -> None:
    large = replace(RECIPE.language_model, width=256, feed_forward=1024, layers=8)
    trained = [("projector",), ("projector", "language_model")]
    stages = [
        Stage(f"stage{number}", "reports", trains, 1000, 8, 0.001)
        for number, trains in enumerate(trained)
    ]
    frozen, learning = plan_recipe(
        replace(RECIPE, language_model=large, stages=tuple(stages)), SITES
    ).stages
    assert 2 / 3 == pytest.approx(frozen.operations / learning.operations, abs=0.04)


def test_a_connector_that_does_not_fit_is_refused() -> None:
    tower = replace(RECIPE.tower, layers=2)
    with pytest.raises(InputError, match="cannot fuse 2 layers"):
        plan_recipe(replace(RECIPE, tower=tower, lora=LoraShape(1, 1)), SITES)
