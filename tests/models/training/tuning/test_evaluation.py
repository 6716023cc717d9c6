"""The loss and the reports that a stage is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import models
from models.training.tuning.evaluation import Evaluation, Processes, dealt
from models.training.tuning.generated_reports import ReportWriter
from models.training.tuning.material import Material, material_of, surveyed
from models.training.tuning.recipe import TuningRecipe, Validation
from models.training.tuning.report_scores import report_scores
from models.training.tuning.saving import save_stage
from models.training.tuning.start import Started, load_learner
from tests.models.training.tuning.toy_run import VALID, draw_records, recipe, stage

VALIDATION = Validation(batch_size=2, metrics=("rougeL",), generated=3, max_new_tokens=8)


@dataclass(frozen=True)
class Toy:
    recipe: TuningRecipe
    started: Started
    valid: Material


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    folder = tmp_path_factory.mktemp("toy")
    one = stage("findings", "projector", "lora", validation=VALIDATION)
    asked = recipe(one)
    started = load_learner(asked, one, None, "cpu")
    records = draw_records(folder, VALID, 2)
    found = surveyed(records, started, folder / "kept", lambda count: None)
    return Toy(asked, started, material_of(records, found, started))


def writer(toy: Toy) -> ReportWriter:
    return ReportWriter(toy.started, toy.recipe.template, VALIDATION, None)


def test_the_loss_is_the_mean_over_all_learnt_tokens(toy: Toy) -> None:
    learner, sums = toy.started.learner.eval(), torch.zeros(2)
    for place in range(VALID):
        with torch.no_grad():
            found = learner(**toy.valid.collator([toy.valid.dataset[place]]), num_items_in_batch=1)
        sums += torch.stack([found["loss"], found["tokens"].float()])
    evaluation = Evaluation(toy.started.stage, toy.valid, None, Processes())
    assert {"loss": pytest.approx(float(sums[0] / sums[1]), rel=1e-6)} == evaluation.run(learner)


def test_reports_are_those_of_the_saved_model(toy: Toy, tmp_path: Path) -> None:
    save_stage(tmp_path / "saved", toy.started)
    model = models.load(tmp_path / "saved", device="cpu", dtype="float32")
    expected = []
    for place in range(VALIDATION.generated):
        images = toy.valid.dataset.record(place).images
        prior = images[1] if len(images) > 1 else None
        reports = model.report(images[0], prior, template="libra_v1", max_new_tokens=8)
        expected.append(reports[0].text)
    assert len(set(expected)) > 1
    assert expected == writer(toy).write(toy.valid, range(VALIDATION.generated))


def test_scores_are_over_as_many_reports_as_asked_for(toy: Toy) -> None:
    texts = writer(toy).write(toy.valid, range(3))
    references = [toy.valid.dataset.record(place).reference for place in range(3)]
    found = Evaluation(toy.started.stage, toy.valid, writer(toy), Processes()).run(
        toy.started.learner
    )
    assert found["rougeL"] == report_scores(texts, references, ["rougeL"])["rougeL"]


def test_training_goes_on_as_if_nothing_had_been_judged(toy: Toy) -> None:
    learner = toy.started.learner.train()
    before = torch.get_rng_state()
    Evaluation(toy.started.stage, toy.valid, writer(toy), Processes()).run(learner)
    assert learner.training
    assert torch.equal(before, torch.get_rng_state())


@given(st.integers(1, 40), st.integers(1, 9))
def test_every_batch_is_counted_once_and_all_processes_have_as_many(
    batches: int, processes: int
) -> None:
    found = [dealt(batches, Processes(index, processes)) for index in range(processes)]
    counted = sorted(place for one in found for place, is_counted in one if is_counted)
    assert list(range(batches)) == counted
    assert len({len(one) for one in found}) == 1
