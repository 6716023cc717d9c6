"""Finished runs whose metrics were set to a file of the user's that is gone or another by now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.weights_places import nothing_here
from tests.cli.workplace import Workplace
from tests.tiny_weights import fill_with_tiny_weights

__all__ = ["nothing_here"]

RESOURCES = Path(__file__).parents[2] / "metrics" / "resources"
BASELINES = RESOURCES / "bertscore" / "baselines"


def _matrix(path: Path, name: str) -> None:
    published = json.loads((RESOURCES / "ratescore_affinity.json").read_text())
    path.write_text(json.dumps(published[name]))


@pytest.fixture
def tiny_weights(nothing_here: Path) -> Path:
    return fill_with_tiny_weights(nothing_here)


@pytest.mark.usefixtures("tiny_weights")
def test_a_run_whose_matrix_is_gone_or_another_says_so(place: Workplace, run: Run) -> None:
    matrix = place.folder / "matrix.json"
    _matrix(matrix, "short")
    ended = run(*place.score("--metrics", "ratescore", "--setting", f"ratescore.matrix={matrix}"))
    assert 0 == ended.status, ended.err
    page = (place.output / "report.html").read_bytes()
    matrix.rename(place.folder / "elsewhere.json")
    for verb in ("report", "compare"):
        ended = run(verb, place.output)
        assert 2 == ended.status
        told = ended.err.replace("\n", " ")
        assert 1 == told.count("Error: ")
        assert "run.json names something that is not here any more: There is no" in told
        assert "matrix.json" in told
    _matrix(matrix, "long")
    ended = run("report", place.output)
    assert 2 == ended.status
    assert "with files that have changed since" in ended.err
    _matrix(matrix, "short")
    assert 0 == run("report", place.output).status
    assert page == (place.output / "report.html").read_bytes()


@pytest.mark.usefixtures("tiny_weights")
def test_a_run_whose_baselines_are_gone_says_so(place: Workplace, run: Run) -> None:
    baselines = place.folder / "baselines.tsv"
    shutil.copy(BASELINES / "distilbert-base-uncased.tsv", baselines)
    words = [f"bertscore.baseline_file={baselines}", "bertscore.rescale=true"]
    settings = [part for word in words for part in ("--setting", word)]
    ended = run(*place.score("--metrics", "bertscore_f1", *settings))
    assert 0 == ended.status, ended.err
    baselines.unlink()
    for verb in ("report", "compare"):
        ended = run(verb, place.output)
        assert 2 == ended.status
        assert "The file of baselines cannot be read" in ended.err


def test_a_run_needs_its_models_folder_no_more(
    place: Workplace, run: Run, tiny_weights: Path
) -> None:
    folder = place.folder / "mine" / "distilbert-base-uncased"
    folder.parent.mkdir()
    (tiny_weights / folder.name).rename(folder)
    ended = run(*place.score("--metrics", "bertscore_f1", "--setting", f"bertscore.model={folder}"))
    assert 0 == ended.status, ended.err
    page = (place.output / "report.html").read_bytes()
    shutil.rmtree(folder)
    assert 0 == run("report", place.output).status
    assert page == (place.output / "report.html").read_bytes()
