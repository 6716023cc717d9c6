from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import models
from models.errors import InputError
from models.training.phantom.course import train_recipe
from models.training.phantom.recipe import Recipe
from tests.models.training.phantom.tiny_recipe import RECIPE, TWO_STAGES, lessons

LESSONS, VALID = lessons()


def trained(folder: Path, recipe: Recipe = RECIPE, **options: bool) -> Path:
    train_recipe(recipe, LESSONS, VALID, folder, **options)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("training") / "libra-tiny")


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("training") / "two", TWO_STAGES)


def same_weights(one: Path, other: Path) -> bool:
    mine, theirs = (load_file(folder / "model.safetensors") for folder in (one, other))
    return mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


def test_a_checkpoint_needs_nothing_else_to_write_a_report(checkpoint: Path) -> None:
    model = models.load(checkpoint, device="cpu", dtype="float32")
    report = model.report(LESSONS.images[0], LESSONS.images[1], max_new_tokens=5)[0]
    assert 1 <= len(report.token_ids) <= 5


def test_tensors_have_the_official_names_and_half_precision(checkpoint: Path) -> None:
    tensors = load_file(checkpoint / "model.safetensors")
    for name in (
        "model.embed_tokens.weight",
        "lm_head.weight",
        "model.mm_projector.LFE_prior_bias",
        "model.mm_projector.cros_attention.in_proj_weight",
        "model.vision_tower.vision_tower.embeddings.cls_token",
    ):
        assert torch.float16 == tensors[name].dtype


def test_the_config_says_what_libras_configs_say(checkpoint: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text("utf-8"))
    wanted = {
        "model_type": "libra",
        "mm_projector_type": "TAC",
        "mm_hidden_size": 16,
        "mm_vision_select_layer": "all",
        "mm_vision_select_feature": "patch",
        "unfreeze_mm_vision_tower": True,
        "harness_context_sections": [],
    }
    assert wanted == {key: config[key] for key in wanted}


def test_the_log_has_losses_of_every_stage_and_the_validation(checkpoint: Path) -> None:
    lines = (checkpoint / "training_log.jsonl").read_text("utf-8").splitlines()
    stages = [entry["stage"] for entry in map(json.loads, lines)]
    wanted = ["tower", "connector", "together", "validation"]
    assert wanted == list(dict.fromkeys(stages))


def test_the_card_says_where_the_auxiliary_targets_come_from(checkpoint: Path) -> None:
    card = " ".join((checkpoint / "README.md").read_text("utf-8").split())
    assert "auxiliary targets" in card
    assert "cxr-harness train tiny" in card


def test_training_again_gives_the_same_weights(checkpoint: Path, tmp_path: Path) -> None:
    assert same_weights(checkpoint, trained(tmp_path / "again"))


class Stop(Exception):
    pass


def interrupted(folder: Path, after: int, recipe: Recipe = RECIPE) -> Path:
    """Stop a run after so many steps; return the folder of its states."""
    done = 0

    def stop(steps: int) -> None:
        nonlocal done
        done += steps
        if done >= after:
            raise Stop

    with pytest.raises(Stop):
        train_recipe(recipe, LESSONS, VALID, folder, advance=stop)
    assert not folder.exists()
    return folder.parent / f".{folder.name}-training"


def logged(folder: Path) -> list[tuple[str, int | None]]:
    """Return what the lines of a log are about, in order."""
    lines = (folder / "training_log.jsonl").read_text("utf-8").splitlines()
    return [(entry["stage"], entry.get("step")) for entry in map(json.loads, lines)]


@pytest.mark.parametrize("after", [7, 30])
def test_an_interrupted_run_ends_where_an_undisturbed_one_does(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr("models.training.phantom.trainer._SAVE_EVERY", 5)
    interrupted(tmp_path / "cut", after)
    steps: list[int] = []
    train_recipe(RECIPE, LESSONS, VALID, tmp_path / "cut", resume=True, advance=steps.append)
    assert same_weights(checkpoint, tmp_path / "cut")
    assert logged(checkpoint) == logged(tmp_path / "cut")
    assert 36 + len(VALID) == sum(steps)


def test_a_run_that_broke_after_the_last_step_of_a_stage_makes_none_more(
    checkpoint: Path, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.training.phantom.stages.save_file", refuse)
        with pytest.raises(Stop):
            trained(tmp_path / "cut")
    assert same_weights(checkpoint, trained(tmp_path / "cut", resume=True))
    assert logged(checkpoint) == logged(tmp_path / "cut")


def test_adapters_are_resumed_in_mid_stage(
    adapted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.training.phantom.trainer._SAVE_EVERY", 2)
    interrupted(tmp_path / "cut", 16, TWO_STAGES)
    assert same_weights(adapted, trained(tmp_path / "cut", TWO_STAGES, resume=True))


def test_a_state_that_was_cut_short_is_passed_over(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.training.phantom.trainer._SAVE_EVERY", 5)
    work = interrupted(tmp_path / "cut", 9)
    torn = work / "0-tower" / "checkpoint-10"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    (torn / "trainer_state.json").touch()
    (work / "0-tower.part").write_bytes(b"half")
    with (work / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"stage": "tow')
    assert same_weights(checkpoint, trained(tmp_path / "cut", resume=True))
    assert logged(checkpoint) == logged(tmp_path / "cut")


def test_the_states_of_another_recipe_or_other_lessons_are_not_resumed(tmp_path: Path) -> None:
    interrupted(tmp_path / "cut", 1)
    with pytest.raises(InputError, match="another recipe"):
        trained(tmp_path / "cut", replace(RECIPE, seed=4), resume=True)
    others = replace(LESSONS, reports=[*LESSONS.reports[1:], "The heart is large."])
    with pytest.raises(InputError, match="other lessons"):
        train_recipe(RECIPE, others, VALID, tmp_path / "cut", resume=True)


def test_what_could_be_resumed_is_not_overwritten(tmp_path: Path) -> None:
    work = interrupted(tmp_path / "cut", 14)
    with pytest.raises(InputError, match="Go on with --resume"):
        trained(tmp_path / "cut")
    assert (work / "0-tower.safetensors").is_file()


def test_nothing_is_left_beside_a_finished_checkpoint(checkpoint: Path) -> None:
    assert [checkpoint] == list(checkpoint.parent.iterdir())


def test_adapters_are_merged_into_the_language_model(adapted: Path) -> None:
    tensors = load_file(adapted / "model.safetensors")
    assert not any("lora" in name for name in tensors)


@pytest.mark.parametrize("kind", ["mlp2x_gelu", "linear"])
def test_a_projector_of_one_image_reads_the_last_layer(tmp_path: Path, kind: str) -> None:
    stages = tuple(stage for stage in RECIPE.stages if stage.learns != "changes")
    folder = trained(tmp_path / "single", replace(RECIPE, projector=kind, stages=stages))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert (kind, -1) == (config["mm_projector_type"], config["mm_vision_select_layer"])
    assert not models.load(folder, device="cpu", dtype="float32").model.reads_prior


def test_reports_longer_than_the_model_reads_are_refused(tmp_path: Path) -> None:
    long = replace(LESSONS, reports=[*LESSONS.reports[1:], "The heart is large. " * 200])
    with pytest.raises(InputError, match="more than the 512 that the language model"):
        train_recipe(RECIPE, long, VALID, tmp_path / "long")


def test_an_output_that_is_there_is_refused(checkpoint: Path) -> None:
    with pytest.raises(InputError, match="is there already"):
        trained(checkpoint)


def test_lessons_of_another_size_are_refused(tmp_path: Path) -> None:
    other = replace(RECIPE, tower=replace(RECIPE.tower, image_size=96))
    with pytest.raises(InputError, match="images of 64 pixels"):
        trained(tmp_path / "other", other)


def test_fewer_lessons_than_a_batch_are_refused(tmp_path: Path) -> None:
    stage = replace(RECIPE.stages[0], batch_size=1000)
    with pytest.raises(InputError, match="fewer than a batch of 1000"):
        trained(tmp_path / "few", replace(RECIPE, stages=(stage,)))


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    stage = replace(RECIPE.stages[0], learning_rate=1e30)
    with pytest.raises(InputError, match="loss of stage 'tower' was no number by step 12"):
        trained(tmp_path / "wild", replace(RECIPE, stages=(stage,)))
