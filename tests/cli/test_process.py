"""What only a process of its own can show: streams, signals, limits, the working directory."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from harness import __version__
from tests.cli.conftest import Run
from tests.cli.workplace import ROOT, Workplace, command, comparable, content


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))


def ends_within(group: int, seconds: float) -> bool:
    """Return whether no process of the group is left before so many seconds are over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("room", ["metrics", "models", "reports", "benchmarks"])
@pytest.mark.parametrize("kind", ["package", "module"])
def test_a_folder_of_the_users_that_hides_a_room_is_named(
    room: str, kind: str, tmp_path: Path
) -> None:
    if kind == "package":
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("raise SystemExit('imported')")
    else:
        (tmp_path / f"{room}.py").write_text("raise SystemExit('imported')")
    done = command("list", "protocols", cwd=tmp_path)
    assert 2 == done.returncode
    assert str(tmp_path) in done.stderr
    assert "cxr-harness" in done.stderr
    assert 1 == done.stderr.count("\n")
    assert "" == done.stdout


def test_a_folder_without_code_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "reports").mkdir()
    assert 0 == command("list", "protocols", cwd=tmp_path).returncode


def test_a_reader_that_goes_away_ends_us_quietly(place: Workplace) -> None:
    for words in ("compare scored --trials 50", "list metrics", "--help", "leaderboard scored"):
        shell = f"set -o pipefail; {sys.executable} -m harness {words} | true"
        done = subprocess.run(
            ["bash", "-c", shell],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert 0 == done.returncode, (words, done.stderr)
        assert "rror" not in done.stderr.replace("Error: ", "")
        assert "Exception ignored" not in done.stderr


def test_a_closed_or_full_output_is_no_defect(place: Workplace) -> None:
    for redirection, status in ((">&-", 0), ("2>&-", 0), ("> /dev/full", 2)):
        shell = f"{sys.executable} -m harness list protocols {redirection}"
        done = subprocess.run(
            ["bash", "-c", shell],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert status == done.returncode, done.stderr
        assert "efect" not in done.stderr
        assert "Traceback" not in done.stderr


def test_an_output_that_knows_ascii_only_gets_all_there_is(place: Workplace) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    table = command("compare", "scored", "--trials", 50, environment=environment)
    assert 0 == table.returncode, table.stderr
    rows = command("compare", "scored", "--trials", 50, "--json", environment=environment)
    assert json.loads(rows.stdout)


def test_odd_bytes_in_names_are_no_defect(place: Workplace, run: Run) -> None:
    odd = os.fsdecode(b"od\xffd")
    Path(f"{odd}.jsonl").write_bytes(place.system("a").read_bytes())
    options = ("--metrics", "bleu", "--resamples", 0, "--references", "refs.jsonl")
    unnamed = command("score", *options, "--predictions", f"{odd}.jsonl", "--output", "out")
    assert 2 == unnamed.returncode
    assert "NAME=FILE" in unnamed.stderr
    assert not Path("out").exists()
    named = command("score", *options, "--predictions", f"x={odd}.jsonl", "--output", odd)
    assert 0 == named.returncode, named.stderr
    for words in (("report", odd), ("leaderboard", odd)):
        assert 0 == run(*words).status
    for words in (("run", f"{odd}.yaml"), ("describe", odd), ("list", odd), ("compare", odd)):
        ended = run(*words)
        assert 2 == ended.status, ended.err
        assert "Traceback" not in ended.err


def test_a_disk_that_fills_up_is_explained_and_loses_nothing(place: Workplace) -> None:
    before = content(place.folder)
    options = place.score("--seed", 1)
    done = command(*options, preexec_fn=small_files)
    assert 2 == done.returncode
    assert "File too large" in done.stderr
    assert "same command again" in done.stderr
    after = content(place.folder)
    assert before == {name: after[name] for name in before}
    assert 0 == command(*options).returncode
    undisturbed = command(*options, "--output", "undisturbed")
    assert 0 == undisturbed.returncode
    assert comparable(Path("undisturbed")) == comparable(place.output)


def test_a_full_disk_leaves_a_finished_run_whole(place: Workplace) -> None:
    before = comparable(Path("scored"))
    options = place.score("--output", "scored", systems=("a", "b", "c"))
    for words in (options, ["report", "scored"]):
        done = command(*words, preexec_fn=small_files)
        assert 2 == done.returncode, done.stderr
        assert before == comparable(Path("scored"))


def test_a_folder_that_may_not_be_written_is_explained(place: Workplace) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    Path("locked").mkdir(mode=0o555)
    done = command(*place.score("--output", "locked/out"))
    assert 2 == done.returncode
    assert "Allow writing there" in done.stderr


def test_two_writers_do_not_share_a_folder(place: Workplace) -> None:
    import fcntl

    with Path("scored/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = command("report", "scored")
    assert 2 == done.returncode
    assert "Another process" in done.stderr


def test_the_same_scores_whatever_the_hash_seed_and_the_processes(place: Workplace) -> None:
    for number in (1, 2):
        words = place.score("--output", f"out{number}", "--processes", number)
        done = command(*words, environment={"PYTHONHASHSEED": str(number)})
        assert 0 == done.returncode, done.stderr
    assert comparable(Path("out1")) == comparable(Path("out2"))


def test_a_defect_is_one_message_and_with_debug_a_traceback(place: Workplace) -> None:
    plain = command("compare", "nowhere")
    assert "Traceback" not in plain.stderr
    for words in (("--debug", "compare", "nowhere"), ("compare", "nowhere", "--debug")):
        assert "Traceback" in command(*words).stderr


def test_the_version_is_printed() -> None:
    assert f"cxr-harness {__version__}\n" == command("--version").stdout


def test_a_shell_can_complete_a_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_CXR_HARNESS_COMPLETE", "source_bash")
    assert "_cxr_harness_completion" in command().stdout
    monkeypatch.setenv("_CXR_HARNESS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "cxr-harness sc")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert "score\n" == command().stdout


@pytest.mark.slow
def test_help_costs_little_over_bare_python() -> None:
    def seconds(call: Callable[[], object]) -> float:
        def once() -> float:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            call()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        return sorted(once() for _ in range(7))[3]

    bare = seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
    assert seconds(lambda: command("--help")) - bare <= 0.3


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent_and_say_nothing(
    ending: signal.Signals, place: Workplace
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *place.score("--processes", 2)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a suite in a shell's background is told to ignore it, and its children with it
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    while not Path("out/studies.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(0.3)
    if ending == signal.SIGINT:
        os.killpg(process.pid, ending)
    else:
        process.kill()
    out, err = process.communicate(timeout=60)
    assert (130 if ending == signal.SIGINT else -ending) == process.returncode, err
    assert "Traceback" not in err
    assert "" == out
    assert ends_within(process.pid, 20)


def test_no_verb_loads_a_heavy_package(place: Workplace) -> None:
    """One process runs them all: scoring, comparing and reporting need numpy and no more."""
    code = """
import json, sys
from harness.cli import run_command
for words in json.loads(sys.argv[1]):
    assert 0 == run_command(words), words
heavy = "torch transformers pandas matplotlib sklearn nltk".split()
print("loaded:", *(name for name in heavy if name in sys.modules))
"""
    verbs = [
        place.score(
            *("--metrics", "default,libra,coco,radeval,rexrank,sacrebleu"), "--skip-unavailable"
        ),
        ["compare", "out", "--trials", "50"],
        ["leaderboard", "out", "--output", "board.csv"],
        ["report", "out", "--shareable"],
        ["list", "metrics"],
        ["describe", "meteor"],
        ["doctor"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(verbs)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "loaded:" == done.stdout.splitlines()[-1], done.stderr
