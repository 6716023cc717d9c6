"""The bundled recipes that tune published models."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest

from metrics.registry import ENTRIES
from models.training.recipe_files import find_recipe, read_recipe, recipe_names
from models.training.tuning.known_shapes import KNOWN_CHECKPOINTS, KNOWN_LANGUAGE_MODELS
from models.training.tuning.recipe import TuningData, TuningRecipe

BUNDLED = {name: read_recipe(find_recipe(name)) for name in recipe_names()}
TUNING = {name: one for name, one in BUNDLED.items() if isinstance(one, TuningRecipe)}
PUBLISHED = (
    "Med-CXRGen-F",
    "Med-CXRGen-I",
    "libra-v1.0-3b",
    "libra-v1.0-7b",
    "llava-med-finetune",
)


def data(recipe: TuningRecipe) -> list[TuningData]:
    return [recipe.data_of(stage) for stage in recipe.stages]


def test_there_is_a_recipe_for_every_published_model() -> None:
    assert set(PUBLISHED) <= set(TUNING)


@pytest.mark.parametrize("name", TUNING)
def test_a_recipe_has_its_file_name_and_cites_sources(name: str) -> None:
    recipe = TUNING[name]
    assert name == recipe.name
    assert recipe.source
    assert all(one.startswith("https://") for one in recipe.source)


@pytest.mark.parametrize("name", TUNING)
def test_a_recipe_tells_how_to_get_everything_that_it_reads_from_the_environment(name: str) -> None:
    recipe = TUNING[name]
    read = {
        variable
        for one in data(recipe)
        for path in [*one.train, *one.valid, *([one.images] if one.images else [])]
        for variable in re.findall(r"\$\{(\w+)", path)
    }
    assert read == set(recipe.needs)
    for variable, text in recipe.needs.items():
        assert f"{variable}=$PWD/" in text


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_recipe_starts_from_models_whose_shapes_are_known(name: str) -> None:
    start = TUNING[name].start
    assert start.language_model in KNOWN_LANGUAGE_MODELS or start.checkpoint in KNOWN_CHECKPOINTS


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_validates_by_metrics_that_there_are(name: str) -> None:
    known = {output for entry in ENTRIES.values() for output in entry.outputs}
    for stage in TUNING[name].stages:
        assert set(stage.validation.metrics) <= known


def test_libra_has_the_hyper_parameters_of_its_scripts() -> None:
    recipe = TUNING["libra-v1.0-7b"]
    assert {"rank": 128, "alpha": 256, "dropout": 0.05, "bias": "none"} == asdict(recipe.lora)
    common = {
        "batch_size": 16,
        "accumulation": 1,
        "learning_rate": 2e-5,
        "weight_decay": 0.0,
        "warmup_ratio": 0.03,
        "schedule": "cosine",
        "precision": "bf16",
        "gradient_checkpointing": True,
        "model_max_length": 2048,
        "workers": 4,
        "evaluate_every": 0.01,
        "group_by_length": False,
    }
    own = [
        {"epochs": 1.0, "trains": ("projector",), "sharding": "zero2", "save_every": 20000.0},
        {"epochs": 3.0, "trains": ("lora",), "sharding": "zero3", "save_every": 2000.0},
    ]
    for stage, wanted in zip(recipe.stages, own, strict=True):
        found = asdict(stage)
        assert common | wanted == {key: found[key] for key in common | wanted}
        assert stage.validation.batch_size == 4


def test_what_extends_libra_claims_none_of_its_hours() -> None:
    small = TUNING["libra-v1.0-3b"]
    assert [None, None] == [stage.published for stage in small.stages]
    assert ("microsoft/rad-dino", "TAC") == (small.start.vision_tower, small.start.projector)


def test_med_cxrgen_learns_one_section_from_all_images() -> None:
    for name, section, records in (
        ("Med-CXRGen-F", "findings", 344_394),
        ("Med-CXRGen-I", "impression", 366_413),
    ):
        for one in data(TUNING[name]):
            assert ((section,), True, records) == (one.sections, one.canvas, one.expected)
