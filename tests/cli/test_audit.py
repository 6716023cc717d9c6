"""The verb ``audit``: files, determinism, refusals; no report text in what it writes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.workplace import Workplace

WORDS = ("audit", "--references", "refs.jsonl", "--metrics", "bleu,rougeL,temporal_f1")


@pytest.fixture
def audited(place: Workplace, run: Run) -> Path:
    ended = run(*WORDS, "--resamples", 50, "--output", "audit")
    assert (0, "") == (ended.status, ended.err)
    return Path("audit")


def test_an_audit_is_three_files(audited: Path) -> None:
    assert ["audit.csv", "audit.json", "audit.md"] == sorted(p.name for p in audited.iterdir())
    values = json.loads((audited / "audit.json").read_text(encoding="utf-8"))
    assert (40, "subject_id", 15, False) == tuple(
        values[key] for key in ("n", "unit", "n_units", "partial")
    )
    kinds = {one["name"]: one["kind"] for one in values["edits"]}
    assert ("meaning", "harmless") == (kinds["side_swap"], kinds["sentence_order"])


def test_a_copy_scores_best_and_no_text_worst(audited: Path) -> None:
    anchors = json.loads((audited / "audit.json").read_text(encoding="utf-8"))["anchors"]["bleu1"]
    assert 1.0 == pytest.approx(anchors["copy"]["score"])
    assert 0.0 == anchors["empty"]["score"] < anchors["template"]["score"] < 1.0
    # two of three studies have a prior's report
    assert (40, 26) == (anchors["copy"]["n"], anchors["prior"]["n"])


def test_rouge_sees_sentences_in_another_order_and_unigrams_do_not(audited: Path) -> None:
    with (audited / "audit.csv").open(encoding="utf-8") as file:
        rows = {(row["metric"], row["edit"]): row for row in csv.DictReader(file)}
    assert 0.0 == float(rows["bleu1", "sentence_order"]["moved"])
    assert 0.1 < float(rows["rougeL", "sentence_order"]["moved"])
    assert 1.0 == float(rows["bleu1", "side_swap"]["lower"])
    swap = rows["bleu4", "side_swap"]
    assert float(swap["drop_low"]) <= float(swap["drop"]) <= float(swap["drop_high"])


def test_the_same_command_gives_the_same_bytes(audited: Path, run: Run) -> None:
    assert 0 == run(*WORDS, "--resamples", 50, "--output", "again").status
    for name in ("audit.csv", "audit.md", "audit.json"):
        assert (audited / name).read_bytes() == (Path("again") / name).read_bytes()


def test_no_report_text_is_written(audited: Path, place: Workplace) -> None:
    written = "".join(p.read_text(encoding="utf-8") for p in audited.iterdir())
    assert "basilar opacity" not in written


def test_json_goes_to_stdout(place: Workplace, run: Run) -> None:
    ended = run(*WORDS, "--resamples", 0, "--output", "audit", "--json", "--edits", "severity")
    values = json.loads(ended.out)
    assert ["severity"] == [one["name"] for one in values["edits"]]
    assert values["effects"][0]["drop"]["low"] is None


def test_a_limit_makes_a_part(place: Workplace, run: Run) -> None:
    ended = run(*WORDS, "--limit", 5, "--resamples", 0, "--output", "audit", "--json")
    assert (5, True) == tuple(json.loads(ended.out)[key] for key in ("n", "partial"))


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("--edits", "severty"), 2, "Unknown edit 'severty'"),
        (("--metrics", "meteo"), 2, "Did you mean 'meteor'"),
        (("--section", "history"), 2, "has no history"),
        (("--metrics", "radgraph"), 3, "radgraph"),
        (("--cluster", "ward"), 2, "No study has the field 'ward'"),
    ],
)
def test_refusals(
    place: Workplace, run: Run, words: tuple[str, ...], status: int, message: str
) -> None:
    ended = run("audit", "--references", "refs.jsonl", "--output", "audit", *words)
    assert status == ended.status
    assert message in ended.err
    assert not Path("audit").exists()


def test_metrics_without_weights_can_be_left_out(place: Workplace, run: Run) -> None:
    ended = run(
        *("audit", "--references", "refs.jsonl", "--metrics", "rougeL,radgraph_simple"),
        *("--skip-unavailable", "--resamples", 0, "--output", "audit", "--json"),
    )
    values = json.loads(ended.out)
    assert ["rougeL"] == list(values["anchors"])
    assert any("radgraph_simple" in note for note in values["notes"])


def test_nothing_is_replaced_unasked(audited: Path, run: Run) -> None:
    ended = run(*WORDS, "--output", "audit")
    assert (2, True) == (ended.status, "--fresh" in ended.err)
    assert 0 == run(*WORDS, "--resamples", 0, "--output", "audit", "--fresh").status
    (audited / "mine.txt").write_text("mine", encoding="utf-8")
    ended = run(*WORDS, "--output", "audit", "--fresh")
    assert (2, True) == (ended.status, "holds other files" in ended.err)


def test_metrics_take_settings(place: Workplace, run: Run) -> None:
    words = ("audit", "--references", "refs.jsonl", "--metrics", "rougeL", "--resamples", 0)
    assert 0 == run(*words, "--output", "plain").status
    ended = run(*words, "--output", "stemmed", "--setting", "rougeL.stem=true")
    assert 0 == ended.status, ended.err
    values = [Path(name, "audit.json").read_text(encoding="utf-8") for name in ("plain", "stemmed")]
    assert ["|stem:no|" in values[0], "|stem:yes|" in values[1]] == [True, True]
    assert 2 == run(*words, "--output", "wrong", "--setting", "rougeL.steam=true").status
