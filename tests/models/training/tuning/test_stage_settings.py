"""What each setting of a stage does to its training, at toy size."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import models
from models.errors import InputError, MissingError
from models.training.tuning.recipe import TuningRecipe, TuningStage, Validation
from models.training.tuning.run import tune
from models.training.tuning.run_folder import StageOutcome
from models.training.tuning.steps import steps_of
from tests.models.training.tuning.toy_run import (
    EVEN,
    counted,
    data_in,
    recipe,
    stage,
    weights_in,
)


class Broken(Exception):
    """What a test breaks a run with."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run(one: TuningRecipe, folder: Path, **options: Any) -> tuple[StageOutcome, ...]:
    return tune(one, data_in(folder.parent / "data", EVEN), folder, **options)


def short(*trains: Any, **settings: Any) -> TuningStage:
    """Return a stage of three updates that is judged by its loss alone."""
    usual = {"epochs": 1, "validation": Validation()}
    return stage("findings", *trains, **{**usual, **settings})


def furthest(one: Path, other: Path) -> float:
    """Return the largest difference between two folders' weights."""
    first, second = weights_in(one), weights_in(other)
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def test_accumulated_batches_learn_as_one_large_batch_does(tmp_path: Path) -> None:
    for name, batch_size, accumulation in (("many", 2, 4), ("one", 8, 1)):
        given = short("projector", "lora", batch_size=batch_size, accumulation=accumulation)
        run(recipe(given, start="mlp-phantom", dropout=0.0), tmp_path / name)
    assert furthest(tmp_path / "many/findings", tmp_path / "one/findings") < 1e-5


def test_kept_features_learn_as_the_tower_does(tmp_path: Path) -> None:
    for name, is_kept in (("kept", True), ("made", False)):
        given = short("projector", "lora", feature_cache=is_kept)
        run(recipe(given, start="mlp-phantom", dropout=0.0), tmp_path / name)
    assert furthest(tmp_path / "kept/findings", tmp_path / "made/findings") < 1e-6


def test_reports_are_written_from_features_that_are_kept_in_16_bits(tmp_path: Path) -> None:
    settings = {"precision": "bf16", "feature_cache": True, "max_steps": 1}
    judged = Validation(metrics=("rougeL",), generated=3, max_new_tokens=4)
    given = short("projector", "lora", **settings, validation=judged)
    (outcome,) = run(recipe(given, start="libra-phantom"), tmp_path / "out")
    assert {"loss", "rougeL"} == outcome.evaluation.keys()


def test_workers_learn_as_one_process_does(tmp_path: Path) -> None:
    for name, workers in (("some", 2), ("none", 0)):
        run(recipe(short("projector", "lora", workers=workers)), tmp_path / name)
    assert furthest(tmp_path / "some/findings", tmp_path / "none/findings") == 0.0


def test_checkpointed_activations_learn_as_kept_ones_do(tmp_path: Path) -> None:
    for name, is_on in (("on", True), ("off", False)):
        given = short("projector", "lora", gradient_checkpointing=is_on)
        run(recipe(given, start="mlp-phantom", dropout=0.0), tmp_path / name)
    assert furthest(tmp_path / "on/findings", tmp_path / "off/findings") < 1e-6


def test_all_weights_of_the_language_model_can_learn(tmp_path: Path) -> None:
    given = short("language_model", learning_rate=1e-3)
    run(recipe(given, start="mlp-phantom"), tmp_path / "out")
    model = models.load(tmp_path / "out/findings", device="cpu", dtype="float32")
    start = models.load("mlp-phantom", device="cpu", dtype="float32")
    assert model.record["layout"] == "full"
    for (name, now), (_, before) in zip(
        model.model.language_model.named_parameters(),
        start.model.language_model.named_parameters(),
        strict=True,
    ):
        assert not torch.equal(now, before), name


def test_the_projector_learns_at_its_own_rate(tmp_path: Path) -> None:
    given = short("projector", "lora", projector_learning_rate=1e-12)
    run(recipe(given, start="mlp-phantom"), tmp_path / "out")
    found = weights_in(tmp_path / "out/findings")
    start = models.load("mlp-phantom", device="cpu", dtype="float32").model.mm_projector
    for name, tensor in start.state_dict().items():
        kept = found[f"non_lora_trainables.bin/base_model.model.model.mm_projector.{name}"]
        assert torch.allclose(tensor, kept, atol=1e-8)
    adapters = [one for name, one in found.items() if "lora_B" in name]
    assert all(float(one.abs().max()) > 1e-6 for one in adapters)


def test_stages_of_two_precisions_follow_one_another(tmp_path: Path) -> None:
    first = stage("alignment", "projector", precision="bf16", epochs=1)
    outcomes = run(recipe(first, short("lora")), tmp_path / "out")
    assert [3, 3] == [one.steps for one in outcomes]


def test_a_loss_that_is_no_number_ends_the_stage_and_says_what_to_lower(tmp_path: Path) -> None:
    given = short("projector", learning_rate=1e30, warmup_ratio=0.0)
    with pytest.raises(InputError, match=r"'findings' was no number by step .*begin anew"):
        run(recipe(given), tmp_path / "out")


def impatient() -> TuningRecipe:
    """Return a recipe whose reports do not get better, so that its patience soon ends."""
    settings = {"learning_rate": 1e-12, "evaluate_every": 1, "best_by": "rougeL", "patience": 2}
    return recipe(stage("findings", "lora", **settings))


def test_training_stops_when_patience_ends(tmp_path: Path) -> None:
    (outcome,) = run(impatient(), tmp_path / "out")
    assert outcome.steps == 3
    assert outcome.best is not None
    assert ("rougeL", 1) == (outcome.best["by"], outcome.best["step"])
    said = json.loads((tmp_path / "out/findings/best/best.json").read_text("utf-8"))
    assert said == outcome.best


def test_a_run_that_goes_on_remembers_its_best_model(tmp_path: Path) -> None:
    given = recipe(replace(impatient().stages[0], patience=None))

    def told(name: str, done: int) -> None:
        if (name, done) == ("findings", 5):
            raise Broken

    with pytest.raises(Broken):
        run(given, tmp_path / "out", progress=counted(told))
    (outcome,) = run(given, tmp_path / "out", resume=True)
    assert outcome.steps == 6
    assert outcome.best is not None
    assert outcome.best["step"] == 1
    said = json.loads((tmp_path / "out/findings/best/best.json").read_text("utf-8"))
    assert said == outcome.best


@contextmanager
def breaking_at_the_end(name: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda count: None
    if name == "findings":
        raise Broken


@pytest.mark.parametrize("patience_ends", [True, False])
def test_a_run_that_broke_before_it_was_saved_makes_no_update_more(
    tmp_path: Path, patience_ends: bool
) -> None:
    one = impatient() if patience_ends else recipe(short("lora"))
    with pytest.raises(Broken):
        run(one, tmp_path / "out", progress=breaking_at_the_end)
    told: list[int] = []
    progress = counted(lambda name, done: told.append(done) if name == "findings" else None)
    (outcome,) = run(one, tmp_path / "out", resume=True, progress=progress)
    assert [3] == told
    assert outcome.steps == 3


def test_sixteen_bit_floats_of_a_gpu_are_refused_without_one(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match=r"fp16, which needs a CUDA device.*bf16 or fp32"):
        run(recipe(short("lora", precision="fp16")), tmp_path / "out")


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb", "mlflow"])
def test_a_tracker_that_is_not_installed_is_named_before_training(
    tmp_path: Path, tracker: str
) -> None:
    if importlib.util.find_spec(tracker) is not None:
        pytest.skip(f"{tracker} is installed")
    with pytest.raises(MissingError, match=f"reports to {tracker}, which is not installed"):
        run(recipe(short("lora", report_to=(tracker,))), tmp_path / "out")


@pytest.mark.parametrize(
    ("records", "processes", "per_epoch", "total"), [(24, 1, 3, 6), (22, 1, 3, 6), (22, 2, 2, 4)]
)
def test_updates_are_counted_as_they_are_made(
    records: int, processes: int, per_epoch: int, total: int
) -> None:
    found = steps_of(stage("any", "lora"), records, processes)
    assert (per_epoch, total) == (found.per_epoch, found.total)
