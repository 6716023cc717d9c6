from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run


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
