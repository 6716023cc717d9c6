"""The recipes that ship, run for real (minutes), and the weights that came of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import models
from benchmarks.phantoms import draw, generate_split
from harness.training_data import draw_lessons
from metrics import score
from models.hub import BUNDLED
from models.training.phantom.course import train_recipe
from models.training.recipe_files import find_recipe, read_recipe

NAMES = ("libra-phantom", "mlp-phantom")
F1 = "temporal_direction_f1"


@pytest.mark.parametrize("name", NAMES)
def test_bundled_weights_are_below_four_megabytes(name: str) -> None:
    assert (BUNDLED / name / "model.safetensors").stat().st_size < 4_000_000


@pytest.mark.parametrize("name", NAMES)
def test_the_card_quotes_the_scores_of_the_log(name: str) -> None:
    lines = (BUNDLED / name / "training_log.jsonl").read_text("utf-8").splitlines()
    scores = json.loads(lines[-1])
    card = (BUNDLED / name / "README.md").read_text("utf-8")
    assert f"| BLEU-4 | {scores['bleu4']:.3f} |" in card


def test_the_bundled_model_reports_what_changed() -> None:
    studies = [s for s in generate_split(777, "test", studies=32) if s.prior is not None]
    model = models.load("libra-phantom", device="cpu", dtype="float32")
    rotated = [study.prior for study in studies[5:] + studies[:5]]

    def written(priors: list[object]) -> list[str]:
        pairs = zip(studies, priors, strict=True)
        return [model.report(draw(now), draw(before))[0].text for now, before in pairs]

    texts = {"real": written([s.prior for s in studies]), "shuffled": written(rotated)}
    table = score(texts, [s.findings for s in studies], metrics=(F1,), resamples=0)
    found = {name: system.metrics[F1].score for name, system in table.systems.items()}
    assert found["real"] > 0.7
    assert found["shuffled"] < 0.55


@pytest.mark.train
@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_reaches_the_scores_of_the_bundled_weights(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(find_recipe(name))
    lessons, valid = draw_lessons(recipe)
    scores = train_recipe(recipe, lessons, valid, tmp_path / name)
    lines = (BUNDLED / name / "training_log.jsonl").read_text("utf-8").splitlines()
    bundled = json.loads(lines[-1])
    for metric, value in scores.items():
        assert bundled[metric] == pytest.approx(value, abs=0.05), metric


@pytest.mark.train
def test_the_two_published_stages_learn_to_use_the_prior(tmp_path: Path) -> None:
    recipe = read_recipe(find_recipe("libra-phantom-two-stage"))
    lessons, valid = draw_lessons(recipe)
    scores = train_recipe(recipe, lessons, valid, tmp_path / "two")
    others = [scores[f"{F1}@dummy"], scores[f"{F1}@shuffled"]]
    assert scores[F1] > np.max(others) + 0.1
