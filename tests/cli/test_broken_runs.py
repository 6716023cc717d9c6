"""What `compare`, `leaderboard` and `report` say of folders that are no sound finished run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.workplace import Workplace, content

SCORED = Path("scored")
Break = Callable[[Path], None]


def record(change: Callable[[dict[str, Any]], object], name: str = "run.json") -> Break:
    def spoil(folder: Path) -> None:
        values = json.loads((folder / name).read_text())
        change(values)
        (folder / name).write_text(json.dumps(values))

    return spoil


def replaced(name: str, text: bytes) -> Break:
    return lambda folder: (folder / name).write_bytes(text) and None


def cut(name: str, size: int) -> Break:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size]) and None


def removed(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def first_line_removed(name: str) -> Break:
    def spoil(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes().partition(b"\n")[2])

    return spoil


BROKEN_RECORD: dict[str, Break] = {
    "run.json is gone": removed("run.json"),
    "run.json is cut": cut("run.json", 100),
    "run.json is a list": replaced("run.json", b"[]"),
    "run.json is of something else": replaced("run.json", b'{"format": "other"}'),
    "run.json is not UTF-8": replaced("run.json", b"\xff\xfe\x00"),
    "run.json is of a later version": record(lambda r: r.update(schema_version=9)),
}
BROKEN_COUNTS: dict[str, Break] = {
    **BROKEN_RECORD,
    "run.json has no plan": record(lambda r: r.pop("plan")),
    "run.json has a broken plan": record(lambda r: r["plan"].update(extra=1)),
    "run.json has no systems": record(lambda r: r.pop("systems")),
    "run.json has no test set": record(lambda r: r.pop("test_set")),
    "run.json has systems that are no list": record(lambda r: r.update(systems=None)),
    "run.json names an unknown metric": record(lambda r: r["plan"].update(metrics=["gone"])),
    "run.json names one system more": record(lambda r: r["systems"].append("d")),
    "statistics.npz is gone": removed("statistics.npz"),
    "statistics.npz is empty": replaced("statistics.npz", b""),
    "statistics.npz is cut": cut("statistics.npz", 9_000),
    "statistics.npz is text": replaced("statistics.npz", b"no array"),
    "statistics.npz is a pickle": replaced("statistics.npz", b"\x80\x04N."),
    "studies.jsonl is gone": removed("studies.jsonl"),
    "studies.jsonl is cut": cut("studies.jsonl", 3_000),
    "studies.jsonl lacks a study": first_line_removed("studies.jsonl"),
    "the run is not finished": record(lambda r: r.update(complete=False)),
}
BROKEN_TEXTS: dict[str, Break] = {
    "predictions are gone": removed("predictions/a.jsonl"),
    "predictions are cut": cut("predictions/a.jsonl", 500),
    "predictions are text": replaced("predictions/a.jsonl", b"hello\n"),
}
BROKEN_SCORES: dict[str, Break] = {
    **BROKEN_RECORD,
    "scores.json is gone": removed("scores.json"),
    "scores.json is cut": cut("scores.json", 300),
    "scores.json is not UTF-8": replaced("scores.json", b"\xff"),
    "scores.json is a list": replaced("scores.json", b"[]"),
    "scores.json is of a later version": record(
        lambda r: r.update(schema_version=9), "scores.json"
    ),
    "scores.json has bounds of one number": record(
        lambda r: r["systems"]["a"]["metrics"]["bleu1"].update(bounds=[0]), "scores.json"
    ),
    "scores.json has a text for a score": record(
        lambda r: r["systems"]["a"]["metrics"]["bleu1"].update(score="high"), "scores.json"
    ),
    "scores.json has no systems": record(lambda r: r.update(systems=7), "scores.json"),
}
CASES = [
    *(
        (verb, name, BROKEN_COUNTS[name])
        for verb in ("compare", "report")
        for name in BROKEN_COUNTS
    ),
    *(("report", name, BROKEN_TEXTS[name]) for name in BROKEN_TEXTS),
    *(("leaderboard", name, BROKEN_SCORES[name]) for name in BROKEN_SCORES),
]


@pytest.mark.parametrize(("verb", "name", "spoil"), CASES, ids=[f"{v}: {n}" for v, n, _ in CASES])
def test_a_damaged_run_is_one_message_and_is_left_as_it_is(
    verb: str, name: str, spoil: Break, place: Workplace, run: Run
) -> None:
    spoil(SCORED)
    before = content(SCORED)
    ended = run(verb, SCORED)
    assert 2 == ended.status, ended.err
    assert "" == ended.out
    assert ended.err.startswith("Error: ")
    assert 1 == ended.err.count("\n")
    assert "scored" in ended.err
    assert before == content(SCORED)


@pytest.mark.parametrize("verb", ["compare", "report", "leaderboard"])
def test_a_folder_that_is_no_run_is_named(verb: str, place: Workplace, run: Run) -> None:
    for name in ("nowhere", "refs.jsonl", "."):
        ended = run(verb, name)
        assert 2 == ended.status
        assert name in ended.err


def test_runs_on_different_test_sets_are_neither_compared_nor_ranked(
    place: Workplace, run: Run
) -> None:
    assert 0 == run(*place.score("--section", "impression")).status
    for verb in ("compare", "leaderboard"):
        ended = run(verb, SCORED, place.output)
        assert 2 == ended.status
        assert "different test sets" in ended.err


def test_runs_by_different_units_are_not_compared(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score("--cluster", "view")).status
    ended = run("compare", SCORED, place.output)
    assert 2 == ended.status
    assert "--cluster" in ended.err


def test_units_are_compared_study_by_study_not_by_their_number(place: Workplace, run: Run) -> None:
    lines = [json.loads(line) for line in place.refs.read_text().splitlines()]
    subjects = [line["subject_id"] for line in lines]
    for line, subject in zip(lines, [*subjects[3:], *subjects[:3]], strict=True):
        line["subject_id"] = subject
    lines[0]["subject_id"], lines[1]["subject_id"] = lines[1]["subject_id"], lines[1]["subject_id"]
    place.refs.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert 0 == run(*place.score()).status
    ended = run("compare", SCORED, place.output)
    assert 2 == ended.status
    assert "different units" in ended.err


def test_partial_runs_stay_off_leaderboards(place: Workplace, run: Run) -> None:
    record(lambda r: r.update(partial=True), "scores.json")(SCORED)
    ended = run("leaderboard", SCORED)
    assert 2 == ended.status
    assert "--limit" in ended.err


def test_one_system_cannot_be_compared(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score(systems=("a",))).status
    ended = run("compare", place.output)
    assert 2 == ended.status
    assert "two systems" in ended.err


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--baseline", "x", "a, b, c"),
        ("--metric", "bleu9", "bleu4"),
        ("--metric", "cider", "bleu4"),
        ("--trials", "0", "--trials"),
    ],
)
def test_compare_refuses_names_that_are_not_there(
    option: str, value: str, says: str, place: Workplace, run: Run
) -> None:
    ended = run("compare", SCORED, option, value)
    assert 2 == ended.status
    assert says in ended.err


def test_runs_that_share_no_metric_are_not_compared(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score("--metrics", "chrf")).status
    ended = run("compare", SCORED, place.output)
    assert 2 == ended.status
    assert "share no metric" in ended.err


def test_two_runs_and_systems_of_the_same_names_are_refused_not_merged(
    place: Workplace, run: Run
) -> None:
    for parent in ("one", "two"):
        shutil.copytree(SCORED, Path(parent) / "scored")
    ended = run("compare", SCORED, "one/scored", "two/scored")
    assert 2 == ended.status
    assert "Rename" in ended.err


def test_a_leaderboard_replaces_a_leaderboard_and_nothing_else(place: Workplace, run: Run) -> None:
    before = place.refs.read_bytes()
    ended = run("leaderboard", SCORED, "--output", place.refs)
    assert 2 == ended.status
    assert before == place.refs.read_bytes()
    assert 0 == run("leaderboard", SCORED, "--output", "board.csv").status
    assert 0 == run("leaderboard", SCORED, "--output", "board.csv").status
    assert 2 == run("leaderboard", SCORED, "--output", "nowhere/board.csv").status
    assert 2 == run("leaderboard", SCORED, "--output", "scored").status


def test_libras_columns_need_texts_prepared_as_libra_prepares_them(
    place: Workplace, run: Run
) -> None:
    ended = run("leaderboard", SCORED, "--format", "libra")
    assert 2 == ended.status
    assert "--protocol libra" in ended.err
