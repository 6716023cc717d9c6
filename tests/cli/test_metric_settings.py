"""Settings of metrics, from the command line and from a benchmark file to the last page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.given_settings import read_settings
from tests.cli.conftest import Run
from tests.cli.weights_places import nothing_here, small_weights
from tests.cli.workplace import Workplace

__all__ = ["nothing_here", "small_weights"]

GITHUB = ("--setting", "radgraph.matching=github")
NAMES = ("--metrics", "radgraph_simple,chexbert_micro_f1_14")
BENCHMARK = """\
data: {path: refs.jsonl}
models:
  - {id: a, adapter: predictions, path: a.jsonl}
  - {id: b, adapter: predictions, path: b.jsonl}
metrics: [radgraph_simple, chexbert_micro_f1_14]
metric_settings:
  radgraph: {matching: github}
statistics: {resamples: 20}
output: run
"""


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def signatures(folder: Path) -> str:
    return (folder / "scores.json").read_text()


@pytest.fixture
def upper(place: Workplace) -> Workplace:
    """Return a workplace whose system ``a`` writes in capitals."""
    text = place.system("a").read_text().splitlines()
    rows = [json.loads(line) for line in text]
    changed = [json.dumps({**row, "prediction": row["prediction"].upper()}) for row in rows]
    place.system("a").write_text("\n".join(changed) + "\n")
    return place


def test_score_takes_settings_and_says_so(upper: Workplace, run: Run, small_weights: Path) -> None:
    other = upper.folder / "other"
    assert 0 == run(*upper.score(*NAMES)).status
    ended = run(*upper.score(*NAMES, "--output", other, *GITHUB))
    assert 0 == ended.status, ended.err
    assert "matching:pypi" in signatures(upper.output)
    assert "matching:github" in signatures(other)
    assert (upper.output / "leaderboard.csv").read_text() != (other / "leaderboard.csv").read_text()
    assert {} == record(upper.output)["plan"]["settings"]
    assert {"radgraph": {"matching": "github"}} == record(other)["plan"]["settings"]


def test_reopened_runs_keep_their_settings(upper: Workplace, run: Run, small_weights: Path) -> None:
    assert 0 == run(*upper.score(*NAMES, *GITHUB)).status
    page = (upper.output / "report.html").read_text()
    assert 0 == run("report", upper.output).status
    assert page == (upper.output / "report.html").read_text()
    ended = run("compare", upper.output)
    assert 0 == ended.status, ended.err
    again = run(*upper.score(*NAMES, *GITHUB))
    assert 0 == again.status, again.err
    refused = run(*upper.score(*NAMES))
    assert 2 == refused.status
    assert "settings" in refused.err


def test_a_benchmark_file_takes_settings(upper: Workplace, run: Run, small_weights: Path) -> None:
    file = upper.folder / "mine.yaml"
    file.write_text(BENCHMARK)
    ended = run("run", file)
    assert 0 == ended.status, ended.err
    found = record(upper.folder / "run")
    assert {"radgraph": {"matching": "github"}} == found["plan"]["settings"]
    assert {"radgraph": {"matching": "github"}} == found["spec"]["metric_settings"]
    assert "matching:github" in signatures(upper.folder / "run")
    file.write_text(BENCHMARK.replace("github", "pypi"))
    changed = run("run", file)
    assert 2 == changed.status
    assert 'metric_settings.radgraph.matching: "github" → "pypi"' in changed.err


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("radgraph.maching=github", "Did you mean 'matching'"),
        ("radgrap.matching=github", "Did you mean 'radgraph'"),
        ("radgraph.matching=", "Write a text"),
        ("radgraph.matching=[a]", "Write a text"),
        ("radgraph.matching=[a", "no YAML"),
        ("matching=github", "write METRIC.FIELD=VALUE"),
        ("radgraph.matching", "write METRIC.FIELD=VALUE"),
        ("bertscore.layer=5", "not computed here"),
    ],
)
def test_wrong_settings_end_with_status_2(
    place: Workplace, run: Run, small_weights: Path, setting: str, message: str
) -> None:
    ended = run(*place.score(*NAMES, "--setting", setting))
    assert 2 == ended.status
    assert message in " ".join(ended.err.split())
    assert not place.output.exists()


def test_a_setting_is_given_once(place: Workplace, run: Run) -> None:
    ended = run(*place.score(*NAMES, *GITHUB, *GITHUB))
    assert (2, True) == (ended.status, "set twice" in ended.err)


def test_values_are_read_as_yaml_and_paths_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["bertscore.idf=yes", "bertscore.layer=5", "bertscore.baseline_file=b.tsv"]
    expected = {"idf": True, "layer": 5, "baseline_file": str(tmp_path / "b.tsv")}
    assert {"bertscore": expected} == read_settings(given)
    assert {"my.package/f1": {"beta": 2}} == read_settings(["my.package/f1.beta=2"])


def test_a_precision_is_kept_from_the_command_to_the_page(
    place: Workplace, run: Run, small_weights: Path
) -> None:
    lower = ("--setting", "radgraph.precision=int8", "--setting", "chexbert.precision=bfloat16")
    ended = run(*place.score(*NAMES, *lower))
    assert 0 == ended.status, ended.err
    found = signatures(place.output)
    assert "precision:int8" in found
    assert "precision:bfloat16" in found
    expected = {"radgraph": {"precision": "int8"}, "chexbert": {"precision": "bfloat16"}}
    assert expected == record(place.output)["plan"]["settings"]
    page = (place.output / "report.html").read_text()
    assert "radgraph (radgraph@int8)" in page
    kept = [
        row["signature"] for row in json.loads(run("cache", "info", "--json").out)["annotators"]
    ]
    assert all("|precision:" in signature for signature in kept)
    assert 2 == len(kept)


def test_a_wrong_precision_ends_with_status_2(
    place: Workplace, run: Run, small_weights: Path
) -> None:
    ended = run(*place.score(*NAMES, "--setting", "radgraph.precision=fp16"))
    assert 2 == ended.status
    expected = "precision is 'fp16'. Write one of float32, bfloat16, int8."
    assert expected in " ".join(ended.err.split())
    assert not place.output.exists()
