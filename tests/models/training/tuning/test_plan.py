from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache

import pytest

from models.errors import InputError, MissingError
from models.training.operations import count_parameters
from models.training.recipe_files import find_recipe, read_recipe
from models.training.tuning.plan import UTILISATION, PlannedStage, Records, TuningPlan, plan_tuning
from models.training.tuning.plan_tables import plan_tables
from models.training.tuning.recipe import Lora, PublishedCost, Start, TrainedPart, TuningRecipe
from models.training.tuning.shapes import build_parts
from models.training.tuning.stage_sizes import encoding_operations

PUBLISHED = ("libra-v1.0-7b", "libra-v1.0-3b", "Med-CXRGen-F", "Med-CXRGen-I", "llava-med-finetune")


def tuning(name: str) -> TuningRecipe:
    recipe = read_recipe(find_recipe(name))
    assert isinstance(recipe, TuningRecipe)
    return recipe


@cache
def plan_of(name: str) -> TuningPlan:
    return plan_tuning(tuning(name))


def planned(recipe: TuningRecipe, records: Records, **settings: object) -> PlannedStage:
    """Return the plan of a toy recipe's first stage with other settings."""
    first = replace(recipe.stages[0], **settings)  # type: ignore[arg-type]
    return plan_tuning(replace(recipe, stages=(first,)), {first.name: records}).stages[0]


def parameters(stage: PlannedStage) -> dict[str, tuple[int, int]]:
    return {part.name: (part.trained, part.frozen) for part in stage.parameters}


@pytest.mark.parametrize(
    ("language_model", "total"),
    [
        ("epfl-llm/meditron-7b", 6_738_415_616 + 2 * 17 * 4096),
        ("lmsys/vicuna-7b-v1.5", 6_738_415_616),
        ("meta-llama/Llama-2-7b-chat-hf", 6_738_415_616),
        ("meta-llama/Llama-3.2-3B-Instruct", 3_212_749_824),
        ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("mistralai/Mistral-7B-Instruct-v0.2", 7_241_732_096),
    ],
)
def test_published_models_have_their_published_number_of_parameters(
    language_model: str, total: int
) -> None:
    start = Start(language_model=language_model, vision_tower="microsoft/rad-dino")
    assert total == count_parameters(build_parts(start).language_model)


def test_both_stages_of_libra_train_what_its_authors_trained() -> None:
    alignment, findings = plan_of("libra-v1.0-7b").stages
    language = 6_738_415_616 + 2 * 17 * 4096
    # by layer and rank: q, k, v, o of 4096 + 4096, gate, up and down of 4096 + 11008
    adapters = 32 * 128 * (4 * 8192 + 3 * 15104)
    assert parameters(alignment) == {
        "language_model": (0, language),
        "projector": (61_773_111, 0),
        "vision_tower": (0, 86_580_480),
    }
    assert parameters(findings) == {
        "language_model": (0, language),
        "lora": (adapters, 0),
        "projector": (0, 61_773_111),
        "vision_tower": (0, 86_580_480),
    }


def test_adapters_of_grouped_queries_are_smaller() -> None:
    findings = plan_of("libra-v1.0-3b").stages[1]
    # q and o of 3072 + 3072, k and v of 3072 + 1024, gate, up and down of 3072 + 8192
    adapters = 28 * 128 * (2 * 6144 + 2 * 4096 + 3 * 11264)
    assert (adapters, 0) == parameters(findings)["lora"]
    assert (0, 38_962_487) == parameters(findings)["projector"]


def test_libra_at_the_assumed_utilisation_takes_about_as_long_as_published() -> None:
    for stage in plan_of("libra-v1.0-7b").stages:
        assert stage.gpu_hours
        assert stage.published
        assert stage.gpu_hours["A6000"] == pytest.approx(stage.published.gpu_hours, rel=0.2)
        implied = UTILISATION * stage.gpu_hours["A6000"] / stage.published.gpu_hours
        assert stage.published.utilisation == pytest.approx(implied)


def test_libra_fits_the_card_that_it_was_trained_on() -> None:
    for stage in plan_of("libra-v1.0-7b").stages:
        assert all("A6000" in row.fits for row in stage.memory)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_plan_is_json_and_tables(name: str) -> None:
    plan = plan_of(name)
    assert json.loads(json.dumps(asdict(plan), allow_nan=False))["name"] == name
    for table in plan_tables(plan):
        assert {len(table.headers)} == {len(row) for row in table.rows}


def test_updates_are_counted_as_transformers_counts_them() -> None:
    recipe = tuning("phantom-finetune")
    # 103 records in batches of 8 are 13 batches, in threes 5 updates, 2.5 times 12.5
    stage = planned(recipe, Records(103), batch_size=8, accumulation=3, epochs=2.5)
    assert (13, 258) == (stage.updates, stage.tokens and stage.tokens // stage.record_tokens)


def test_the_largest_number_of_updates_wins_over_epochs() -> None:
    stage = planned(tuning("phantom-finetune"), Records(103), max_steps=7, batch_size=4)
    assert (7, 28 * 100) == (stage.updates, stage.learnt)


def test_what_depends_on_unknown_records_is_left_open() -> None:
    stage = planned(tuning("phantom-finetune"), Records(None))
    open_ones = (stage.records, stage.updates, stage.tokens, stage.operations, stage.gpu_hours)
    assert (None,) * 5 == open_ones
    assert stage.record_operations.total > 0
    assert stage.memory


def test_counted_records_replace_the_expected_ones() -> None:
    recipe = tuning("libra-v1.0-7b")
    plan = plan_tuning(recipe, {"findings": Records(1600, prompt=31, answer=50)})
    alignment, findings = plan.stages
    assert (1_213_097, 1600) == (alignment.records, findings.records)
    assert (300, 1369 + 81) == (findings.updates, findings.record_tokens)


def test_lengths_that_are_assumed_are_said_to_be_assumed() -> None:
    recipe = tuning("phantom-finetune")
    names = [stage.name for stage in recipe.stages]

    def said(records: Records | None) -> str:
        counted = {} if records is None else dict.fromkeys(names, records)
        return " ".join(plan_tuning(recipe, counted).assumptions)

    assert "Texts: 128 tokens" in said(Records(7))
    assert "Texts: 128 tokens" in said(None)
    assert "alignment and findings: as many as the recipe expects" in said(None)
    assert "teach nothing are counted" in said(Records(7))
    assert "Texts:" not in said(Records(7, prompt=30, answer=50))


def test_cached_features_are_computed_once() -> None:
    recipe = tuning("phantom-finetune")
    plain, cached = (
        planned(recipe, Records(100), epochs=3.0, feature_cache=cache) for cache in (False, True)
    )
    once = planned(recipe, Records(100), epochs=1.0).operations
    assert plain.operations
    assert cached.operations
    assert once
    assert 200 * encoding_operations(build_parts(recipe.start)) == pytest.approx(
        plain.operations - cached.operations
    )
    assert once == planned(recipe, Records(100), epochs=1.0, feature_cache=True).operations


def test_the_cost_of_several_devices_is_planned_as_published() -> None:
    cost = PublishedCost(hours=3.0, device="A100", devices=8)
    stage = planned(tuning("phantom-finetune"), Records(160), published=cost, batch_size=4)
    assert stage.published
    assert (8, 5, 24.0) == (stage.devices, stage.updates, stage.published.gpu_hours)


@pytest.mark.parametrize(
    ("trains", "multiple"),
    [(("projector",), 2.0), (("language_model",), 3.0), (("projector", "language_model"), 3.0)],
)
def test_frozen_weights_have_no_gradients(trains: tuple[TrainedPart, ...], multiple: float) -> None:
    stage = planned(
        tuning("libra-v1.0-7b"), Records(10), trains=trains, gradient_checkpointing=False
    )
    operations = stage.record_operations
    assert operations.again == 0
    assert operations.total / operations.forward == pytest.approx(multiple, abs=0.1)


def test_checkpointing_makes_the_forward_pass_again() -> None:
    stage = planned(tuning("libra-v1.0-7b"), Records(10))
    again = stage.record_operations.again / stage.record_operations.forward
    # but for a block's last product, 45 of its 202 million numbers
    assert again == pytest.approx(1 - 45 / 202, abs=0.03)


def test_biases_that_are_trained_beside_adapters_are_counted() -> None:
    start = Start(language_model="epfl-llm/meditron-7b", vision_tower="microsoft/rad-dino")
    recipe = replace(tuning("libra-v1.0-7b"), start=start, lora=Lora(bias="all"))
    findings = plan_tuning(recipe).stages[1]
    assert parameters(findings)["language_model"][0] == 0  # LLaMA has none


def test_a_local_checkpoint_is_read_from_its_config() -> None:
    alignment = plan_of("phantom-finetune").stages[0]
    assert parameters(alignment) == {
        "language_model": (0, 753_536),
        "projector": (193_975, 0),
        "vision_tower": (0, 977_472),
    }


@pytest.mark.parametrize(
    "start",
    [
        Start(checkpoint="nobody/nothing-7b"),
        Start(language_model="nobody/nothing-7b", vision_tower="microsoft/rad-dino"),
        Start(language_model="lmsys/vicuna-7b-v1.5", vision_tower="nobody/nothing-7b"),
    ],
)
def test_an_unknown_model_says_how_to_get_its_shape(start: Start) -> None:
    with pytest.raises(MissingError, match=r"`hf download nobody/nothing-7b config\.json`"):
        build_parts(start)


def test_parts_that_do_not_fit_are_refused() -> None:
    start = Start(
        language_model="lmsys/vicuna-7b-v1.5", vision_tower="openai/clip-vit-large-patch14-336"
    )
    # 32 heads divide CLIP's width, but a model of 28 layers of 24 heads does not
    with pytest.raises(InputError, match="heads do not divide"):
        build_parts(replace(start, language_model="meta-llama/Llama-3.2-3B-Instruct"))
