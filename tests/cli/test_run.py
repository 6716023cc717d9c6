"""`run` and `generate`: what they write, how they resume, what they refuse."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli import slow_plugin
from tests.cli.conftest import Run
from tests.cli.workplace import ROOT, Workplace, command, comparable, content

BENCHMARK = """\
name: small
data: {format: studies, path: refs.jsonl, section: findings}
models:
  - {id: prior-report, adapter: prior_report, priors: [real, shuffled, dummy]}
  - {id: constant, adapter: constant}
  - {id: mine, adapter: predictions, path: a.jsonl}
metrics: [bleu, temporal, prior_hallucination]
statistics: {resamples: 50}
output: results/small
"""
SYSTEMS = ["prior-report", "prior-report@shuffled", "prior-report@dummy", "constant", "mine"]


@pytest.fixture
def bench(place: Workplace) -> Path:
    path = place.folder / "bench.yaml"
    path.write_text(BENCHMARK)
    return path


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_run_writes_a_whole_folder_where_the_file_says(bench: Path, run: Run) -> None:
    ended = run("run", bench)
    assert 0 == ended.status, ended.err
    folder = Path("results/small")
    names = {*content(folder)}
    predictions = {f"predictions/{name}.jsonl" for name in SYSTEMS}
    assert predictions <= names
    assert {"run.json", "scores.json", "per_sample.csv", "leaderboard.csv", "report.html"} <= names
    assert ".gitignore" in names
    scores = json.loads((folder / "scores.json").read_text())
    assert SYSTEMS == list(scores["systems"])
    assert "small" == scores["benchmark"]
    assert not scores["partial"]
    lines = (folder / "predictions" / "prior-report@dummy.jsonl").read_text().splitlines()
    assert "dummy" == json.loads(lines[0])["prior"]
    assert "cxr-harness run bench.yaml" == json.loads((folder / "run.json").read_text())["command"]


def test_the_command_is_on_record_as_typed_and_the_report_does_not_depend_on_the_place(
    bench: Path, run: Run
) -> None:
    words = ("run", str(bench), "--model", "constant", "--output")
    for name in ("a", "b c"):
        ended = run(*words, name, "--json", "--processes", 1)
        assert 0 == ended.status, ended.err
    record = json.loads(Path("b c/run.json").read_text())
    typed = "cxr-harness run bench.yaml --model constant --output 'b c' --json --processes 1"
    assert typed == record["command"]
    reports = [Path(name, "report.html").read_text() for name in ("a", "b c")]
    assert reports[0] == reports[1]
    assert "<code>cxr-harness run bench.yaml --model constant</code>" in reports[0]


def test_a_dry_run_writes_nothing(bench: Path, run: Run) -> None:
    before = content(Path())
    ended = run("run", bench, "--dry-run", "--json")
    assert 0 == ended.status
    assert "40" == json.loads(ended.out)["studies"]
    assert before == content(Path())


def test_a_dry_run_sees_that_the_folder_holds_another_run(bench: Path, run: Run) -> None:
    assert 0 == run("run", bench).status
    changed(bench, "resamples: 50", "resamples: 40")
    ended = run("run", bench, "--dry-run")
    assert 2 == ended.status
    assert "statistics.resamples: 50 → 40" in ended.err
    assert 0 == run("run", bench, "--dry-run", "--fresh").status


def test_a_changed_benchmark_is_refused_explained_and_replaced_on_request(
    bench: Path, run: Run
) -> None:
    assert 0 == run("run", bench, "--output", "out").status
    before = content(Path("out"))
    changed(bench, "resamples: 50", "resamples: 40")
    ended = run("run", bench, "--output", "out")
    assert 2 == ended.status
    assert "statistics.resamples: 50 → 40" in ended.err
    assert "--fresh" in ended.err
    assert before == content(Path("out"))
    assert 0 == run("run", bench, "--output", "out", "--fresh").status
    assert 0 == run("run", bench, "--output", "undisturbed").status
    assert comparable(Path("undisturbed")) == comparable(Path("out"))


def test_changed_predictions_are_never_taken_for_the_old_ones(bench: Path, run: Run) -> None:
    assert 0 == run("run", bench, "--output", "out").status
    before = content(Path("out"))
    Path("a.jsonl").write_bytes(Path("b.jsonl").read_bytes())
    ended = run("run", bench, "--output", "out")
    assert 2 == ended.status
    assert "mine.jsonl" in ended.err
    assert before["scores.json"] == content(Path("out"))["scores.json"]


def test_a_limit_makes_a_partial_run_beside_the_full_one(bench: Path, run: Run) -> None:
    assert 0 == run("run", bench).status
    full = comparable(Path("results/small"))
    ended = run("run", bench, "--limit", 10)
    assert 0 == ended.status
    assert "Partial run" in ended.out
    partial = Path("results/small/partial-10")
    assert json.loads((partial / "scores.json").read_text())["partial"]
    after = comparable(Path("results/small"))
    assert full == {name: after[name] for name in full}
    assert ",10,true," in (partial / "leaderboard.csv").read_text()
    assert 2 == run("leaderboard", partial).status


def test_a_limit_obeys_output_to_the_letter(bench: Path, run: Run) -> None:
    assert 0 == run("run", bench, "--limit", 10, "--output", "here").status
    assert json.loads(Path("here/scores.json").read_text())["partial"]
    assert not Path("results").exists()


def test_a_limit_above_the_test_set_is_no_limit(bench: Path, run: Run) -> None:
    assert 0 == run("run", bench, "--limit", 400).status
    assert not json.loads(Path("results/small/scores.json").read_text())["partial"]


def test_models_generated_one_by_one_make_the_same_run(bench: Path, run: Run) -> None:
    assert 0 == run("run", bench, "--output", "undisturbed").status
    assert 0 == run("generate", bench, "--model", "constant", "--output", "out").status
    assert ["predictions/constant.jsonl"] == [n for n in content(Path("out")) if "predi" in n]
    assert 2 == run("compare", "out").status
    assert 0 == run("run", bench, "--model", "constant", "--output", "out").status
    assert 0 == run("generate", bench, "--output", "out").status
    assert 0 == run("run", bench, "--output", "out").status
    assert comparable(Path("undisturbed")) == comparable(Path("out"))


def test_a_run_of_fewer_models_does_not_take_the_others_off_the_table(
    bench: Path, run: Run
) -> None:
    assert 0 == run("run", bench, "--output", "out").status
    before = content(Path("out"))
    ended = run("run", bench, "--model", "constant", "--output", "out")
    assert 2 == ended.status
    assert "'prior-report'" in ended.err
    assert before["scores.json"] == content(Path("out"))["scores.json"]


def test_the_same_bytes_whatever_the_hash_seed_and_the_processes(place: Workplace) -> None:
    path = place.folder / "bench.yaml"
    path.write_text(BENCHMARK)
    for number, processes in ((1, 1), (2, 2)):
        done = command(
            "run", path, "--output", f"out{number}", "--processes", processes,
            environment={"PYTHONHASHSEED": str(number)},
        )  # fmt: skip
        assert 0 == done.returncode, done.stderr
    assert comparable(Path("out1")) == comparable(Path("out2"))


def kill_and_finish(place: Workplace, kills: int, seed: int) -> tuple[int, Path, Path]:
    """Kill the same run again and again, and finish it: kills that hit, an undisturbed run, it."""
    path = place.folder / "bench.yaml"
    slow = slow_plugin.install(place.folder / "plugin").resolve()
    path.write_text(BENCHMARK.replace("models:", "models:\n  - {id: slow, adapter: slow/slow}"))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{slow}"}
    words = [sys.executable, "-m", "harness", "run", str(path), "--output"]
    begun = time.perf_counter()
    subprocess.run([*words, "undisturbed"], env=environment, check=True, capture_output=True)
    whole = time.perf_counter() - begun
    generator, killed = random.Random(seed), 0
    for _ in range(kills):
        process = subprocess.Popen(
            [*words, "out"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(generator.uniform(0.2, 1.0) * whole)
        process.kill()
        killed += process.wait() == -signal.SIGKILL
    subprocess.run([*words, "out"], env=environment, check=True, capture_output=True)
    return killed, Path("undisturbed"), Path("out")


def test_a_run_killed_twice_ends_with_the_same_bytes(place: Workplace) -> None:
    killed, undisturbed, finished = kill_and_finish(place, 2, seed=1)
    assert killed
    assert comparable(undisturbed) == comparable(finished)


@pytest.mark.slow
def test_a_run_killed_thirty_times_ends_with_the_same_bytes(place: Workplace) -> None:
    killed, undisturbed, finished = kill_and_finish(place, 30, seed=2)
    assert killed
    assert comparable(undisturbed) == comparable(finished)


def test_ctrl_c_finishes_the_batch_and_says_how_to_go_on(place: Workplace) -> None:
    path = place.folder / "bench.yaml"
    slow = slow_plugin.install(place.folder / "plugin").resolve()
    path.write_text(BENCHMARK.replace("models:", "models:\n  - {id: slow, adapter: slow/slow}"))
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "run", str(path), "--output", "out"],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{slow}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    predictions = Path("out/predictions/slow%2Fslow.jsonl").with_name("slow.jsonl")
    while not predictions.exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert 130 == process.returncode, err
    assert "" == out
    assert "same command again" in err
    assert "Traceback" not in err
    assert 0 < len(predictions.read_text().splitlines()) < 40


BROKEN = {
    "an unknown key": ("metrics:", "metrixx:", ("bench.yaml line 7", "'metrixx'", "'metrics'")),
    "an unknown key inside": ("section:", "secton:", ("line 2, data.secton", "'section'")),
    "an unset variable": ("refs.jsonl", '"${NO_SUCH_NAME}"', ("line 2", "NO_SUCH_NAME")),
    "a wrong type": ("resamples: 50", "resamples: many", ("line 8", "whole number")),
    "two models of one id": ("id: mine", "id: constant", ("line 6", "'constant'", "twice")),
    "an unknown adapter": ("adapter: constant", "adapter: const", ("line 5", "'constant'")),
    "an unknown option": ("adapter: constant", "adapter: constant, txt: x", ("line 5", "'text'")),
    "an unknown metric": ("[bleu,", "[blue,", ("line 7, metrics[0]", "'bleu'")),
    "an unknown prior": ("dummy]", "fake]", ("line 4", "shuffled")),
    "an unknown format": ("format: studies", "format: study", ("line 2", "'studies'")),
    "a bank that leaks": (
        "adapter: constant",
        "adapter: retrieval, bank: refs.jsonl",
        ("refs.jsonl holds 40 studies of the test set",),
    ),
    "an unknown slice": ("output:", "slices: [hospital]\noutput:", ("'hospital'",)),
    "an unknown cluster": ("{resamples: 50}", "{cluster: hospital}", ("'hospital'",)),
    "studies that are not there": ("refs.jsonl", "nowhere.jsonl", ("nowhere.jsonl",)),
    "predictions that are not there": ("a.jsonl", "nowhere.jsonl", ("nowhere.jsonl",)),
    "broken YAML": ("metrics: [", "metrics: ]", ("bench.yaml line 7",)),
    "a key twice": ("output:", "name: other\noutput:", ("line 9", "'name'", "line 1")),
    "an output that is a file": ("results/small", "refs.jsonl", ("refs.jsonl is no folder",)),
    "code in YAML": ("results/small", "!!python/name:os.system", ("line 9",)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_benchmark_is_one_message_and_nothing_is_written(
    name: str, bench: Path, run: Run
) -> None:
    old, new, says = BROKEN[name]
    changed(bench, old, new)
    before = content(Path())
    ended = run("run", bench)
    assert 2 == ended.status, ended.err
    assert "" == ended.out
    assert ended.err.startswith("Error: ")
    assert all(part in ended.err for part in says), ended.err
    assert before == content(Path())
    assert not Path("results").exists()


@pytest.mark.parametrize(("name", "says"), [("demoo", "'demo'"), ("no.yaml", "no.yaml"), ("", "")])
def test_a_benchmark_that_is_not_there(name: str, says: str, place: Workplace, run: Run) -> None:
    ended = run("run", name)
    assert 2 == ended.status
    assert says in ended.err


def test_an_unknown_model_is_answered_with_those_there_are(bench: Path, run: Run) -> None:
    ended = run("run", bench, "--model", "constnt")
    assert 2 == ended.status
    assert "Did you mean 'constant'?" in ended.err
