from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.cli.conftest import Run

TINY = """
extends: phantom-finetune
name: tiny
data: {valid: []}
stages:
  alignment: {max_steps: 1, batch_size: 2, validation: {metrics: []}}
  findings: null
"""


def test_a_plan_names_stages_and_sizes_and_trains_nothing(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "model"
    done = run("train", "libra-phantom", "--plan", "--json", "--output", str(output))
    assert 0 == done.status
    plan = json.loads(done.out)
    assert ["tower", "connector", "together"] == [stage["name"] for stage in plan["stages"]]
    assert 2 * sum(plan["parameters"].values()) == plan["size_bytes"]
    assert not output.exists()


def test_a_plan_is_shown_as_a_table(run: Run) -> None:
    done = run("train", "mlp-phantom", "--plan")
    assert 0 == done.status
    assert "language_model" in done.out
    assert "operations" in done.out
    assert "together" in done.out


def test_an_unknown_recipe_is_an_error_of_the_input(run: Run) -> None:
    done = run("train", "libra-phantum")
    assert 2 == done.status
    assert "libra-phantom" in done.err


def test_an_output_that_is_there_is_refused_before_anything_is_drawn(
    run: Run, tmp_path: Path
) -> None:
    done = run("train", "libra-phantom", "--output", str(tmp_path))
    assert 2 == done.status
    assert "is there already" in done.err


@pytest.fixture
def tiny(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    phantoms = tmp_path / "phantoms"
    assert 0 == run("data", "phantoms", "--patients", "6", "--output", str(phantoms)).status
    monkeypatch.setenv("PHANTOMS", str(phantoms))
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(TINY)
    return recipe


def test_what_libraries_print_is_no_part_of_the_results(
    run: Run, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "models.training.tuning.run.quiet_transformers",
        lambda: nullcontext(print("[WARNING] of a library")),
    )
    done = run("train", str(tiny), "--output", str(tmp_path / "model"), "--json")
    assert 0 == done.status, done.err
    assert 1 == json.loads(done.out)[0]["steps"]
    assert "of a library" in done.err


def test_an_interrupted_training_tells_how_it_goes_on(
    run: Run, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("models.training.tuning.trainer.TuningTrainer.log", interrupted)
    output = str(tmp_path / "model")
    done = run("train", str(tiny), "--output", output)
    assert 130 == done.status
    assert "Interrupted. It goes on from its last state with --resume." in done.err
    monkeypatch.undo()
    monkeypatch.setenv("PHANTOMS", str(tmp_path / "phantoms"))
    assert 0 == run("train", str(tiny), "--output", output, "--resume").status
