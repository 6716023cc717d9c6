"""Metrics whose weights are missing: refused before anything slow, or left out and said so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from metrics import score as score_in_python
from metrics.errors import MissingError
from tests.cli.conftest import Run
from tests.cli.weights_places import nothing_here, small_weights
from tests.cli.workplace import Workplace, content

__all__ = ["nothing_here", "small_weights"]

BENCHMARK = """\
name: small
data: {format: studies, path: refs.jsonl, section: findings}
models: [{id: constant, adapter: constant}]
metrics: [bleu, chexbert_micro_f1_14, semb_score]
statistics: {resamples: 20}
output: results/small
"""
CLINICAL = "bleu,chexbert_micro_f1_14,semb_score,radgraph_partial"
LEFT_OUT = "Left out: chexbert_micro_f1_14, semb_score (not on this machine: chexbert, bert-base)."


@pytest.fixture
def bench(place: Workplace) -> Path:
    path = place.folder / "bench.yaml"
    path.write_text(BENCHMARK)
    return path


def _scores(folder: Path) -> list[str]:
    table = json.loads((folder / "scores.json").read_text())
    return list(next(iter(table["systems"].values()))["metrics"])


@pytest.mark.usefixtures("nothing_here")
def test_score_names_all_that_is_missing_and_writes_nothing(place: Workplace, run: Run) -> None:
    ended = run(*place.score("--metrics", CLINICAL))
    assert 3 == ended.status
    assert "not on this machine: chexbert, bert-base, radgraph, pubmedbert." in ended.err
    assert "hf download StanfordAIMI/RRG_scorers chexbert.pth" in ended.err
    assert not place.output.exists()


@pytest.mark.usefixtures("nothing_here")
@pytest.mark.parametrize("extra", [[], ["--dry-run"]])
def test_run_refuses_before_it_generates(bench: Path, run: Run, extra: list[str]) -> None:
    ended = run("run", bench, *extra)
    assert 3 == ended.status
    assert "not on this machine: chexbert, bert-base." in ended.err
    assert {} == content(Path("results"))


@pytest.mark.usefixtures("nothing_here")
def test_generate_needs_no_weights_of_metrics(bench: Path, run: Run) -> None:
    assert 0 == run("generate", bench).status


@pytest.mark.usefixtures("nothing_here")
def test_python_refuses_too() -> None:
    with pytest.raises(MissingError, match="not on this machine: chexbert, bert-base"):
        score_in_python(["clear"], ["clear"], metrics=["bleu4", "semb_score"])


@pytest.mark.usefixtures("nothing_here")
def test_score_leaves_them_out_on_request_and_says_so(place: Workplace, run: Run) -> None:
    ended = run(*place.score("--metrics", CLINICAL, "--skip-unavailable"))
    assert 0 == ended.status, ended.err
    assert ["bleu1", "bleu2", "bleu3", "bleu4"] == _scores(place.output)
    assert LEFT_OUT in ended.out
    record = json.loads((place.output / "run.json").read_text())
    assert LEFT_OUT in record["notes"]
    missing = "radgraph, pubmedbert"
    assert missing == record["plan"]["skipped"]["radgraph_partial"]
    page = (place.output / "report.html").read_text()
    assert LEFT_OUT in page
    assert "semb_score" not in (place.output / "leaderboard.csv").read_text()
    assert "semb_score" not in (place.output / "per_sample.csv").read_text()


@pytest.mark.usefixtures("nothing_here")
def test_what_was_left_out_stays_out_of_what_is_made_later(place: Workplace, run: Run) -> None:
    run(*place.score("--metrics", CLINICAL, "--skip-unavailable"))
    before = json.loads((place.output / "run.json").read_text())["notes"]
    assert 0 == run("report", place.output).status
    assert LEFT_OUT in (place.output / "report.html").read_text()
    assert before == json.loads((place.output / "run.json").read_text())["notes"]
    ended = run("compare", place.output, "--json")
    assert 0 == ended.status, ended.err
    metrics = {row["metric"] for row in json.loads(ended.out)}
    assert {"bleu1", "bleu2", "bleu3", "bleu4"} == metrics


@pytest.mark.usefixtures("nothing_here")
def test_where_nothing_else_is_left_even_skipping_ends(place: Workplace, run: Run) -> None:
    ended = run(*place.score("--metrics", "semb_score", "--skip-unavailable"))
    assert 3 == ended.status
    assert not place.output.exists()


def test_run_leaves_them_out_and_scores_them_once_they_are_here(
    bench: Path, run: Run, nothing_here: Path, tmp_path: Path
) -> None:
    ended = run("run", bench, "--skip-unavailable")
    assert 0 == ended.status, ended.err
    assert LEFT_OUT in ended.out
    folder = Path("results/small")
    assert ["bleu1", "bleu2", "bleu3", "bleu4"] == _scores(folder)
    _fill(nothing_here)
    ended = run("run", bench)
    assert 0 == ended.status, ended.err
    assert "Left out" not in ended.out
    assert ["chexbert_micro_f1_14", "semb_score"] == _scores(folder)[4:]
    assert {} == json.loads((folder / "run.json").read_text())["plan"]["skipped"]


def _fill(folder: Path) -> None:
    from tests.cli.weights_places import SMALL

    for name, source in SMALL.items():
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)


def test_nothing_is_left_out_where_all_is_here(
    place: Workplace, run: Run, small_weights: Path
) -> None:
    assert 0 == run(*place.score("--metrics", CLINICAL)).status
    first = (place.output / "scores.json").read_bytes()
    ended = run(*place.score("--metrics", CLINICAL, "--skip-unavailable"))
    assert 0 == ended.status, ended.err
    assert "Left out" not in ended.out
    assert first == (place.output / "scores.json").read_bytes()


def test_a_finished_run_needs_its_weights_no_more(
    place: Workplace, run: Run, small_weights: Path
) -> None:
    assert 0 == run(*place.score("--metrics", CLINICAL)).status
    signature = json.loads((place.output / "run.json").read_text())["signatures"]["semb_score"]
    assert "chexbert@" in signature
    shutil.rmtree(small_weights)
    ended = run("compare", place.output, "--json")
    assert 0 == ended.status, ended.err
    assert "semb_score" in {row["metric"] for row in json.loads(ended.out)}
    ended = run("report", place.output)
    assert 0 == ended.status, ended.err
    page = (place.output / "report.html").read_text()
    assert signature.partition("chexbert@")[2].partition("+")[0] in page
    assert "Not marked, since weights are not on this machine: radgraph." in page
    assert 3 == run(*place.score("--metrics", CLINICAL, "--fresh")).status


def test_missing_packages_are_told_apart_from_missing_weights(
    place: Workplace, run: Run, small_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics.weights.needs._PACKAGES", ("no_such_package",))
    ended = run(*place.score("--metrics", CLINICAL))
    assert 3 == ended.status
    assert 'Not installed: no_such_package. Install with `pip install "cxr-harness' in ended.err
    ended = run(*place.score("--metrics", CLINICAL, "--skip-unavailable"))
    assert 0 == ended.status
    assert "radgraph_partial (not on this machine: no_such_package)." in ended.out


def test_list_and_describe_say_whether_weights_are_here(run: Run, nothing_here: Path) -> None:
    assert (
        "\nweights: chexbert (not here), bert-base (not here)\n"
        in run("describe", "semb_score").out
    )
    assert "\nweights: none\n" in run("describe", "bleu").out
    _fill(nothing_here)
    assert "\nweights: chexbert (here), bert-base (here)\n" in run("describe", "semb_score").out
    rows = {row["name"]: row for row in json.loads(run("list", "metrics", "--json").out)}
    assert "chexbert (here), bert-base (here)" == rows["chexbert_macro_f1_5"]["weights"]
    assert "" == rows["bleu4"]["weights"]
