"""Both published stages at toy size: what a run writes, and how it goes on after it broke."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import models
from models.errors import InputError
from models.training.recipe_files import read_recipe
from models.training.tuning.run import tune
from models.training.tuning.run_folder import StageOutcome
from models.weights_files import read_weights
from tests.models.training.tuning.toy_run import (
    RECORDS,
    counted,
    data_in,
    draw_records,
    recipe,
    stage,
    weights_in,
)

UPDATES = 6


class Broken(Exception):
    """What a test breaks a run with."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("run") / "out"
    tune(recipe(), data_in(data), output)
    return output


def log_of(output: Path) -> list[dict[str, Any]]:
    lines = (output / "training_log.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def breaking(stage_name: str, update: int, how: Callable[[], None]) -> Any:
    def told(name: str, done: int) -> None:
        if (name, done) == (stage_name, update):
            how()

    return counted(told)


def raise_broken() -> None:
    raise Broken


def assert_same_weights(expected: Path, found: Path, *stages: str) -> None:
    for name in stages:
        for folder in (name, f"{name}/best"):
            wanted, got = weights_in(expected / folder), weights_in(found / folder)
            assert wanted.keys() == got.keys()
            for tensor in wanted:
                assert torch.equal(wanted[tensor], got[tensor]), f"{folder}: {tensor}"


@pytest.mark.parametrize(
    ("name", "layout"),
    [("alignment", "projector"), ("findings", "lora"), ("findings/best", "lora")],
)
def test_every_stage_is_saved_in_a_layout_that_loads(
    undisturbed: Path, name: str, layout: str
) -> None:
    model = models.load(undisturbed / name, device="cpu")
    assert layout == model.record["layout"]


def test_a_stage_starts_from_what_the_one_before_saved(undisturbed: Path) -> None:
    aligned = read_weights(undisturbed / "alignment" / "mm_projector.bin")
    kept = read_weights(undisturbed / "findings" / "non_lora_trainables.bin")
    start = read_weights(Path(models.__file__).parent / "weights/libra-phantom/model.safetensors")
    for name, tensor in aligned.items():
        assert torch.equal(tensor, kept[f"base_model.model.{name}"])
    assert not torch.equal(start["model.mm_projector.norm1.weight"].float(), tensor_of(aligned))


def tensor_of(aligned: dict[str, torch.Tensor]) -> torch.Tensor:
    return aligned["model.mm_projector.norm1.weight"]


def test_the_log_holds_losses_rates_and_scores_of_every_stage(undisturbed: Path) -> None:
    rows = log_of(undisturbed)
    for name in ("alignment", "findings"):
        losses = [row for row in rows if row["stage"] == name and "loss" in row]
        assert [2, 3, 4, 6] == [row["step"] for row in losses]
        assert all(row["samples_per_s"] > 0 and row["tokens_per_s"] > 0 for row in losses)
        assert all(row["mfu"] is None for row in losses)  # a CPU's peak is not known
        judged = [row for row in rows if row["stage"] == name and "eval_loss" in row]
        assert [3, 6] == [row["step"] for row in judged]
        assert all(0 <= row["eval_rougeL"] <= 1 for row in judged)


def test_the_resolved_recipe_can_be_read_again(undisturbed: Path) -> None:
    assert recipe() == read_recipe(undisturbed / "recipe.yaml")


def test_no_state_remains_of_a_finished_stage(undisturbed: Path) -> None:
    assert not list(undisturbed.glob("*/states"))


def test_the_best_model_is_named_with_its_score(undisturbed: Path) -> None:
    rows = [row for row in log_of(undisturbed) if "eval_loss" in row]
    expected = min((row["eval_loss"], row["step"]) for row in rows if row["stage"] == "alignment")
    said = json.loads((undisturbed / "alignment/best/best.json").read_text("utf-8"))
    assert said["by"] == "loss"
    assert expected == (pytest.approx(said["value"], rel=1e-5), said["step"])


def test_the_card_names_template_and_best_models(undisturbed: Path) -> None:
    card = (undisturbed / "README.md").read_text("utf-8")
    assert "`libra_v1`" in card
    assert "`findings/best/`" in card


def test_a_finished_run_is_not_trained_again(undisturbed: Path, data: Path) -> None:
    told: list[str] = []
    progress = counted(lambda name, done: told.append(name))
    outcomes = tune(recipe(), data_in(data), undisturbed, resume=True, progress=progress)
    assert [UPDATES, UPDATES] == [one.steps for one in outcomes]
    assert all(isinstance(one, StageOutcome) and one.records == RECORDS for one in outcomes)
    assert told == []


def test_what_is_there_already_is_not_overwritten(undisturbed: Path, data: Path) -> None:
    with pytest.raises(InputError, match=r"is there already\. Go on with --resume"):
        tune(recipe(), data_in(data), undisturbed)


def test_a_folder_that_holds_no_run_is_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is there already\. Name another folder"):
        tune(recipe(), data_in(data), tmp_path, resume=True)


def test_a_start_that_is_not_there_leaves_no_folder_in_the_way(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder '\./nowhere'"):
        tune(recipe(start="./nowhere"), data_in(data), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_recipe_does_not_go_on_and_its_key_is_named(undisturbed: Path, data: Path) -> None:
    other = recipe(stage("alignment", "projector", learning_rate=2e-3), recipe().stages[1])
    with pytest.raises(InputError, match=r"stages\[0\]\.learning_rate differs"):
        tune(other, data_in(data), undisturbed, resume=True)


def test_keys_that_change_no_weight_may_differ(undisturbed: Path, data: Path) -> None:
    other = recipe(*(replace(one, save_every=50) for one in recipe().stages))
    tune(other, data_in(data), undisturbed, resume=True)
    written = yaml.safe_load((undisturbed / "recipe.yaml").read_text("utf-8"))
    assert written["stages"][0]["save_every"] == 50


def test_a_broken_run_that_goes_on_gives_the_same_weights(
    undisturbed: Path, data: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with pytest.raises(Broken):
        tune(recipe(), data_in(data), output, progress=breaking("findings", 5, raise_broken))
    tune(recipe(), data_in(data), output, resume=True)
    assert_same_weights(undisturbed, output, "alignment", "findings")
    told = [(row["stage"], row["step"], row.get("loss")) for row in log_of(undisturbed)]
    assert told == [(row["stage"], row["step"], row.get("loss")) for row in log_of(output)]


@pytest.mark.parametrize("update", [1, 3, 6])
def test_a_torn_draft_of_a_state_is_ignored(
    undisturbed: Path, data: Path, tmp_path: Path, update: int
) -> None:
    output, alone = tmp_path / "out", recipe(recipe().stages[0])
    with pytest.raises(Broken):
        tune(alone, data_in(data), output, progress=breaking("alignment", update, raise_broken))
    torn = output / "alignment/states/.draft/checkpoint-6"
    torn.mkdir(parents=True)
    (torn / "trained.safetensors").write_bytes(b"torn")
    tune(alone, data_in(data), output, resume=True)
    assert_same_weights(undisturbed, output, "alignment")


@pytest.mark.parametrize("update", [3, 4], ids=["best model", "state"])
def test_a_full_disk_leaves_the_last_state_and_says_so(
    undisturbed: Path, data: Path, tmp_path: Path, update: int
) -> None:
    output, alone = tmp_path / "out", recipe(recipe().stages[0])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))

    try:
        with pytest.raises(InputError, match=r"Cannot write .*--resume"):
            tune(alone, data_in(data), output, progress=breaking("alignment", update, fill))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ["step-2"] == [one.name for one in (output / "alignment/states").iterdir()]
    tune(alone, data_in(data), output, resume=True)
    assert_same_weights(undisturbed, output, "alignment")


def test_other_data_do_not_go_on(data: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with pytest.raises(Broken):
        tune(recipe(), data_in(data), output, progress=breaking("alignment", 3, raise_broken))
    with pytest.raises(InputError, match=r"alignment: the training data changed"):
        tune(recipe(), lambda _: (draw_records(tmp_path, 9, 7), None), output, resume=True)
