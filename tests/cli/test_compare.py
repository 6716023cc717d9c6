"""`compare`, `leaderboard` and `report` on sound runs."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from metrics import bleu
from metrics.statistics import resample_indices
from tests.cli.conftest import Run
from tests.cli.test_score import read, references, texts
from tests.cli.workplace import Workplace, comparable

KEYS = [
    "metric", "a", "b", "difference", "low", "high", "p_bootstrap", "p_randomisation", "p_holm",
    "n_units", "studies_needed",
]  # fmt: skip


def test_compare_prints_the_documented_keys(place: Workplace, run: Run) -> None:
    ended = run("compare", "scored", "--json", "--trials", 200)
    assert 0 == ended.status
    rows = json.loads(ended.out)
    assert all(KEYS == list(row) for row in rows)
    assert {15} == {row["n_units"] for row in rows}
    for row in rows:
        assert row["low"] <= row["difference"] <= row["high"]
        for name in ("p_bootstrap", "p_randomisation", "p_holm"):
            assert 0 < row[name] <= 1
        assert row["p_holm"] >= row["p_randomisation"]
        assert row["p_randomisation"] >= 1 / 201
    pairs = [(row["a"], row["b"]) for row in rows if row["metric"] == "bleu4"]
    assert [("a", "b"), ("a", "c"), ("b", "c")] == pairs
    assert "Only 15 units" in ended.err


def test_a_difference_and_its_interval_are_those_of_explicit_resamples(
    place: Workplace, run: Run
) -> None:
    ended = run("compare", "scored", "--metric", "bleu4", "--json", "--trials", 10)
    (row,) = [r for r in json.loads(ended.out) if (r["a"], r["b"]) == ("a", "c")]
    subjects = [line["subject_id"] for line in read(place.refs)]
    members = [np.flatnonzero([s == one for s in subjects]) for one in dict.fromkeys(subjects)]
    wanted = references(place)

    def value(name: str, rows: list[int]) -> float:
        given = texts(place, name)
        return bleu([given[i] for i in rows], [wanted[i] for i in rows]).scores["bleu4"]

    differences = []
    for units in resample_indices(15, 50, 0):
        rows = [int(i) for unit in units for i in members[unit]]
        differences.append(value("a", rows) - value("c", rows))
    everything = list(range(40))
    assert value("a", everything) - value("c", everything) == pytest.approx(
        row["difference"], abs=1e-12
    )
    low, high = np.quantile(differences, [0.025, 0.975])
    assert [low, high] == pytest.approx([row["low"], row["high"]], abs=1e-12)


def test_a_baseline_is_compared_with_each_other_system(place: Workplace, run: Run) -> None:
    ended = run("compare", "scored", "--baseline", "b", "--metric", "BLEU-4", "--json")
    rows = json.loads(ended.out)
    assert [("bleu4", "a", "b"), ("bleu4", "c", "b")] == [
        (row["metric"], row["a"], row["b"]) for row in rows
    ]


def test_a_family_of_metrics_is_compared(place: Workplace, run: Run) -> None:
    ended = run("compare", "scored", "--baseline", "a", "--metric", "bleu", "--json")
    assert {"bleu1", "bleu2", "bleu3", "bleu4"} == {row["metric"] for row in json.loads(ended.out)}


def test_two_runs_are_compared_as_one_would_be(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score("--output", "left", systems=("a",))).status
    assert 0 == run(*place.score("--output", "right", systems=("b", "c"))).status
    joint = run("compare", "scored", "--json", "--trials", 100)
    apart = run("compare", "left", "right", "--json", "--trials", 100)
    assert json.loads(joint.out) == json.loads(apart.out)


def test_systems_of_one_name_are_told_apart_by_their_run(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score(systems=("a",))).status
    ended = run("compare", place.output, "scored", "--metric", "bleu4", "--trials", 10, "--json")
    rows = json.loads(ended.out)
    assert {"a", "a (scored)", "b", "c"} == {row[side] for row in rows for side in "ab"}
    (same,) = [row for row in rows if (row["a"], row["b"]) == ("a", "a (scored)")]
    assert (0, 1) == (same["difference"], same["p_randomisation"])
    assert same["studies_needed"] is None


def test_the_table_of_comparisons_has_a_row_per_pair_and_metric(place: Workplace, run: Run) -> None:
    ended = run("compare", "scored", "--metric", "bleu4", "--trials", 100)
    assert 3 == len(re.findall(r"^ bleu4 ", ended.out, re.MULTILINE))


def test_the_leaderboard_of_one_run_is_that_of_its_folder(place: Workplace, run: Run) -> None:
    ended = run("leaderboard", "scored")
    assert Path("scored/leaderboard.csv").read_text() == ended.out


def test_a_leaderboard_joins_runs_and_keeps_definitions_apart(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score("--output", "one", systems=("a",))).status
    other = place.score("--output", "two", "--protocol", "libra", "--metrics", "bleu4,rougeL")
    assert 0 == run(*other).status
    ended = run("leaderboard", "one", "two", "--output", "board.csv")
    assert 0 == ended.status, ended.err
    header, *rows = csv.reader(io.StringIO(Path("board.csv").read_text()))
    assert ["Model", "n", "partial"] == header[:3]
    assert ["a (one)", "a (two)", "b"] == [row[0] for row in rows]
    assert 2 == sum(name.startswith("bleu4") and "_" not in name.partition(" ")[0]
                    for name in header)  # fmt: skip


def test_libras_leaderboard_has_libras_columns(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score("--protocol", "libra")).status
    ended = run("leaderboard", place.output, "--format", "libra")
    assert 0 == ended.status, ended.err
    header, first, _ = csv.reader(io.StringIO(ended.out))
    assert (
        "Model Name,BLEU1,BLEU2,BLEU3,BLEU4,METEOR,ROUGE-L,Bert_score,Temporal_entity_score"
    ) == ",".join(header)
    assert "a" == first[0]
    assert "" == first[7]


def test_a_report_made_again_is_the_same(place: Workplace, run: Run) -> None:
    before = comparable(Path("scored"))
    ended = run("report", "scored")
    assert 0 == ended.status
    assert "report: scored/report.html\n" == ended.out
    assert before == comparable(Path("scored"))


def test_a_shareable_report_holds_no_text_and_no_id(place: Workplace, run: Run) -> None:
    lines = read(place.refs)
    for line in lines:
        line["study_id"] = f"STUDY-{line['study_id']}"
        line["subject_id"] = f"PATIENT-{line['subject_id']}"
        line["tags"]["site"] = f"ward-{line['study_id']}"
    place.refs.write_text("".join(json.dumps(line) + "\n" for line in lines))
    answers = read(place.system("a"))
    for line in answers:
        line["study_id"] = f"STUDY-{line['study_id']}"
    place.system("a").write_text("".join(json.dumps(line) + "\n" for line in answers))
    assert 0 == run(*place.score(systems=("a",))).status
    assert 0 == run("report", place.output, "--shareable").status
    page = (place.output / "report.shareable.html").read_text()
    assert "STUDY-" not in page
    assert "PATIENT-" not in page
    assert "ward-" not in page
    sentences = {s.strip() for line in lines for text in line["reference"].values()
                 for s in text.split(".")}  # fmt: skip
    sentences |= {s.strip() for line in answers for s in line["prediction"].split(".")}
    assert not [one for one in sentences if len(one) > 12 and one in page]
    assert "STUDY-" in (place.output / "report.html").read_text()
