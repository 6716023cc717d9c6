"""A model of two images from files to the headline; unreadable images; figures over kills."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.registry import plugins
from tests.cli import image_plugin
from tests.cli.conftest import Run
from tests.cli.workplace import ROOT, comparable, write_lines

N, PATIENTS = 60, 30
BENCHMARK = """\
name: pairs
data: {format: studies, path: refs.jsonl, images: images, section: findings}
models:
  - {id: two, adapter: pair/pair, seconds: SECONDS, priors: [real, dummy, shuffled]}
metrics: [bleu4, temporal_direction_f1]
statistics: {resamples: 100}
output: out
"""
SYSTEMS = ("two", "two@dummy", "two@shuffled")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder with a benchmark whose references say how two images differ."""
    monkeypatch.syspath_prepend(image_plugin.install(tmp_path / "plugin"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    draw = np.random.default_rng(0)
    write_lines(tmp_path / "refs.jsonl", [_study(tmp_path / "images", i, draw) for i in range(N)])
    (tmp_path / "bench.yaml").write_text(BENCHMARK.replace("SECONDS", "0.0"))
    plugins.cache_clear()
    yield tmp_path
    plugins.cache_clear()


def _study(images: Path, i: int, draw: np.random.Generator) -> dict[str, Any]:
    current, prior = (int(draw.integers(3)) for _ in range(2))
    has_prior = i % 4 > 0
    (images / f"{i}.png").write_text(str(current))
    (images / f"{i}-prior.png").write_text(str(prior))
    word = "unchanged" if current == prior else "improved" if current < prior else "increased"
    return {
        "study_id": f"s{i}",
        "subject_id": f"p{i % PATIENTS}",
        "images": [f"{i}.png"],
        "image_views": ["PA"],
        "prior_images": [f"{i}-prior.png"] if has_prior else [],
        "reference": {"findings": f"The left pleural effusion is {word}."},
    }


def _record(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "out" / "run.json").read_text())
    return found


def _lines(place: Path, system: str) -> list[dict[str, Any]]:
    path = place / "out" / "predictions" / f"{system}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_from_images_to_what_the_prior_is_worth(place: Path, run: Run) -> None:
    ended = run("run", "bench.yaml")
    assert 0 == ended.status, ended.err
    scores = json.loads((place / "out" / "scores.json").read_text())
    assert {"two": ["dummy", "shuffled"]} == {k: list(v) for k, v in scores["prior_gain"].items()}
    gain = scores["prior_gain"]["two"]["dummy"]["temporal_direction_f1"]
    assert (1.0, 45, PATIENTS) == (gain["real"], gain["n"], gain["n_units"])
    assert 0 < gain["low"] <= gain["difference"] <= gain["high"]
    record = _record(place)
    counts = {"with_prior": 45, "without_prior": 15, "unknown": 0, "missing_prior": "dummy"}
    assert counts == record["priors"]
    assert [] == record["text_only"]
    assert "What the prior image is worth (45 studies)" in ended.out
    assert "two, temporal_direction_f1: 1.00 with the real prior, " in ended.out
    page = (place / "out" / "report.html").read_text()
    assert "<bdi>two</bdi></strong>, temporal_direction_f1: 1.00 with the real prior, " in page
    assert "The 15 studies without a prior image are left out" in page
    assert "<h3>What generating took</h3>" in page
    assert "<code>cxr-harness run bench.yaml</code>" in page
    header = (place / "out" / "leaderboard.csv").read_text().splitlines()[0]
    assert header.startswith("Model,n,partial,bleu4,bleu4_low,bleu4_high,temporal_direction_f1")
    assert "prior_gain" not in header


def test_the_report_made_again_is_the_same(place: Path, run: Run) -> None:
    assert 0 == run("run", "bench.yaml").status
    before = (place / "out" / "report.html").read_bytes()
    assert 0 == run("report", "out").status
    assert before == (place / "out" / "report.html").read_bytes()
    assert 0 == run("report", "out", "--shareable").status
    shareable = (place / "out" / "report.shareable.html").read_text()
    assert "1.00 with the real prior" in shareable
    assert "<td>s1</td>" not in shareable


def test_one_adapter_serves_all_priors_and_its_figures_are_told_apart(
    place: Path, run: Run
) -> None:
    assert 0 == run("run", "bench.yaml").status
    found = _record(place)["performance"]
    assert SYSTEMS == tuple(found)
    for system in SYSTEMS:
        one = found[system]
        assert (2 * N, 5 * N, 8.0, 100.0) == tuple(
            one[key] for key in ("images", "tokens", "images_per_s", "tokens_per_s")
        )
        assert (2**30, "cpu") == (one["peak_memory_bytes"], one["device"])
    assert "closed\n" == (place / "closed.txt").read_text()
    assert [1.0, 0.0, 0.0] == [found[system]["load_s"] for system in SYSTEMS]


@pytest.mark.parametrize("content", [None, "torn"])
def test_an_unreadable_image_ends_the_run_and_mending_it_finishes_it(
    place: Path, run: Run, content: str | None
) -> None:
    image = place / "images" / "21-prior.png"
    whole = image.read_text()
    image.unlink() if content is None else image.write_text(content)
    for words in (("run", "bench.yaml"), ("generate", "bench.yaml")):
        ended = run(*words)
        assert 2 == ended.status
        assert (
            "Error: two, sample 's21': 21-prior.png cannot be read as an image. Mend the file, or "
            "give --allow-missing to count it as failed." in ended.err
        )
        assert "Traceback" not in ended.err
        assert [f"s{i}" for i in range(21)] == [line["study_id"] for line in _lines(place, "two")]
    image.write_text(whole)
    ended = run("run", "bench.yaml")
    assert 0 == ended.status, ended.err
    assert 0 == run("run", "bench.yaml", "--output", "undisturbed").status
    mended, undisturbed = comparable(place / "out"), comparable(place / "undisturbed")
    for name in ("scores.json", "leaderboard.csv", "predictions/two.jsonl", "run.json"):
        assert undisturbed[name] == mended[name]


def test_allow_missing_counts_the_sample_as_failed_and_changes_no_identity(
    place: Path, run: Run
) -> None:
    (place / "images" / "21.png").unlink()
    (place / "images" / "22.png").write_text("torn")
    assert 2 == run("generate", "bench.yaml").status
    ended = run("run", "bench.yaml", "--allow-missing")
    assert 0 == ended.status, ended.err
    assert "Warning: two, sample 's21' counts as failed. 21.png cannot be read" in ended.err
    assert "Warning: two@dummy, sample 's22' counts as failed." in ended.err
    failed = [line for line in _lines(place, "two") if line["finish_reason"] == "error"]
    assert [("s21", ""), ("s22", "")] == [(one["study_id"], one["prediction"]) for one in failed]
    record = _record(place)
    assert record["allow_missing"] is True
    assert 2 == record["soundness"]["two"]["failed"]
    assert "allow_missing" not in json.dumps(record["spec"])
    before = _lines(place, "two")
    ended = run("run", "bench.yaml")
    assert 2 == ended.status
    assert "two, sample 's21': 21.png cannot be read as an image. Mend the file" in ended.err
    assert before == _lines(place, "two")
    record = _record(place)
    assert (True, True) == (record["complete"], record["allow_missing"])
    for name in ("21.png", "22.png"):
        (place / "images" / name).write_text("7")
    assert 0 == run("run", "bench.yaml").status
    assert _record(place)["allow_missing"] is False


def test_the_same_command_after_mending_gives_the_bytes_of_a_fresh_run(
    place: Path, run: Run
) -> None:
    command = ("run", "bench.yaml", "--allow-missing")
    good = {name: (place / "images" / name).read_text() for name in ("21-prior.png", "22.png")}
    (place / "images" / "21-prior.png").unlink()
    (place / "images" / "22.png").write_text("torn")
    assert 0 == run(*command).status
    for name, content in good.items():
        (place / "images" / name).write_text(content)
    ended = run(*command)
    assert 0 == ended.status, ended.err
    assert "Warning" not in ended.err
    assert 0 == run(*command, "--fresh", "--output", "undisturbed").status
    mended, undisturbed = comparable(place / "out"), comparable(place / "undisturbed")
    assert sorted(undisturbed) == sorted(mended)
    for name in undisturbed:
        if name not in ("report.html", "run.json"):  # these say how long it took, and the command
            assert undisturbed[name] == mended[name], name
    before, after = (json.loads(files["run.json"]) for files in (mended, undisturbed))
    assert {**before, "command": ""} == {**after, "command": ""}
    (place / "images" / "30.png").write_text("9")
    ended = run(*command)
    assert 2 == ended.status
    assert "the answer to sample 's30' was made from has changed since: the image " in ended.err
    assert f"images{os.sep}30.png. Put it back as it was, give --fresh" in ended.err


def test_a_missing_prior_image_makes_no_difference_between_the_modes(place: Path, run: Run) -> None:
    (place / "images" / "21-prior.png").unlink()
    ended = run("run", "bench.yaml", "--allow-missing")
    assert 0 == ended.status, ended.err
    # s21 failed with its real prior, and so did whoever was given that prior
    assert "What the prior image is worth (43 studies)" in ended.out
    assert "two: studies left out, on which one of its modes failed: 2" in ended.out
    gains = json.loads((place / "out" / "scores.json").read_text())["prior_gain"]["two"]
    assert {(43, 2)} == {
        (one["temporal_direction_f1"]["n"], one["temporal_direction_f1"]["left_out"])
        for one in gains.values()
    }
    assert 1.0 == gains["dummy"]["temporal_direction_f1"]["real"]


def test_kills_lose_no_figure_but_those_of_the_batch_in_hand(place: Path, run: Run) -> None:
    (place / "bench.yaml").write_text(BENCHMARK.replace("SECONDS", "0.02"))
    draw, killed = random.Random(3), 0
    paths = f"{ROOT}{os.pathsep}{place / 'plugin'}"
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    for number in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", "generate", "bench.yaml"],
            cwd=place,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        log = place / "out" / "predictions" / f"{SYSTEMS[number]}.jsonl"
        while not log.exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.1))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
    assert killed >= 1
    ended = run("run", "bench.yaml")
    assert 0 == ended.status, ended.err
    assert 0 == run("run", "bench.yaml", "--output", "undisturbed").status
    assert (place / "undisturbed" / "scores.json").read_bytes() == (
        place / "out" / "scores.json"
    ).read_bytes()
    for system in SYSTEMS:
        assert N == len(_lines(place, system))
        images = _record(place)["performance"][system]["images"]
        # a batch of 4 samples may be on disk whose figures a kill kept from run.json, or be in
        # run.json and torn on disk, each kill once
        assert 2 * (N - 4 * killed) <= images <= 2 * (N + 4 * killed)


def test_a_dry_run_lists_images_that_are_not_there_and_ends_as_the_run_would(
    place: Path, run: Run
) -> None:
    found = json.loads(run("run", "bench.yaml", "--dry-run", "--json").out)
    assert ("105", "0", []) == (
        found["images"], found["images not there"], found["missing_images"]
    )  # fmt: skip
    for name in ("21.png", "22-prior.png"):
        (place / "images" / name).unlink()
    ended = run("run", "bench.yaml", "--dry-run")
    assert 2 == ended.status == run("run", "bench.yaml").status
    assert "Error: 2 of 105 images are not there:\n  " in ended.err
    assert f"images{os.sep}21.png\n" in ended.err
    assert f"images{os.sep}22-prior.png\nPut them there, or give --allow-missing" in ended.err
    found = run("run", "bench.yaml", "--dry-run", "--json")
    assert 2 == found.status
    listed = json.loads(found.out)["missing_images"]
    assert ["21.png", "22-prior.png"] == [Path(path).name for path in listed]
    ended = run("run", "bench.yaml", "--dry-run", "--allow-missing")
    assert 0 == ended.status
    assert "2 of 105 images are not there:" in ended.err
    assert "Error" not in ended.err


def test_predictions_with_failures_can_be_scored_again(place: Path, run: Run) -> None:
    (place / "images" / "21.png").unlink()
    assert 0 == run("run", "bench.yaml", "--allow-missing").status
    ended = run(
        "score", "--references", "refs.jsonl", "--predictions", "out/predictions/two.jsonl",
        "--metrics", "bleu4", "--resamples", 0, "--output", "again", "--json",
    )  # fmt: skip
    assert 0 == ended.status, ended.err
    assert 1 == json.loads(ended.out)["systems"]["two"]["failed"]
