"""`score`: every file of the run folder to the letter, and every way to give the input."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from metrics import score
from tests.cli.conftest import Run
from tests.cli.workplace import METRICS, Workplace, comparable, content, write_lines

SCORE_KEYS = {
    "score", "low", "high", "confidence", "resamples", "method", "unit", "n_units",
    "undefined_resamples", "seed", "signature", "higher_is_better",
}  # fmt: skip


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def scores(folder: Path) -> dict[str, dict[str, float]]:
    table = json.loads((folder / "scores.json").read_text())
    return {
        name: {metric: one["score"] for metric, one in system["metrics"].items()}
        for name, system in table["systems"].items()
    }


def texts(place: Workplace, name: str) -> list[str]:
    return [line["prediction"] for line in read(place.system(name))]


def references(place: Workplace, section: str = "findings") -> list[str]:
    return [line["reference"][section] for line in read(place.refs)]


def test_scores_json_is_as_documented(place: Workplace) -> None:
    table = json.loads(Path("scored/scores.json").read_text())
    assert ["schema_version", "benchmark", "n", "test_set", "partial", "systems"] == list(table)
    assert 1 == table["schema_version"]
    assert "refs" == table["benchmark"]
    assert 40 == table["n"]
    assert table["partial"] is False
    assert 64 == len(table["test_set"])
    assert ["a", "b", "c"] == list(table["systems"])
    for system in table["systems"].values():
        assert ["n", "missing", "failed", "metrics"] == list(system)
        for one in system["metrics"].values():
            assert SCORE_KEYS <= {*one}
            assert ("subject_id", 15, 50, 0.95) == (
                one["unit"], one["n_units"], one["resamples"], one["confidence"]
            )  # fmt: skip
            assert one["low"] <= one["score"] <= one["high"]
    assert not table["systems"]["a"]["metrics"]["prior_hallucination"]["higher_is_better"]


def test_scores_equal_those_of_python(place: Workplace) -> None:
    lines = read(place.refs)
    table = score(
        {name: texts(place, name) for name in "abc"},
        references(place),
        metrics=METRICS.split(","),
        ids=[line["study_id"] for line in lines],
        clusters=[line["subject_id"] for line in lines],
        has_prior=[bool(line["prior_images"]) for line in lines],
        resamples=50,
    )
    ours = json.loads(Path("scored/scores.json").read_text())["systems"]
    theirs = json.loads(table.to_json())["systems"]
    for name in "abc":
        for metric, one in theirs[name]["metrics"].items():
            if "in_context" not in metric:
                assert one == ours[name]["metrics"][metric]


def test_per_sample_scores_stand_in_reference_and_system_order(place: Workplace) -> None:
    with Path("scored/per_sample.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert ["study_id", "system", "bleu1", "bleu2", "bleu3", "bleu4", "rougeL"] == header[:7]
    expected = [[f"s{i:03}", name] for i in range(40) for name in "abc"]
    assert expected == [row[:2] for row in rows]
    rouge = [float(row[6]) for row in rows if row[1] == "b"]
    assert scores(Path("scored"))["b"]["rougeL"] == pytest.approx(sum(rouge) / 40, abs=1e-12)


def test_the_leaderboard_has_a_row_per_system_in_units_of_tables(place: Workplace) -> None:
    with Path("scored/leaderboard.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert ["Model", "n", "partial", "bleu1", "bleu1_low", "bleu1_high"] == header[:6]
    assert [["a", "40", "false"], ["b", "40", "false"], ["c", "40", "false"]] == [
        row[:3] for row in rows
    ]
    assert f"{scores(Path('scored'))['a']['bleu1'] * 100:.2f}" == rows[0][3]


def test_run_json_says_what_a_score_was_made_of(place: Workplace) -> None:
    record = json.loads(Path("scored/run.json").read_text())
    table = json.loads(Path("scored/scores.json").read_text())
    assert record["complete"]
    assert record["test_set"] == table["test_set"]
    digest = hashlib.sha256(place.refs.read_bytes()).hexdigest()
    assert digest == record["data"]["SHA-256 of the references"]
    for name in "abc":
        digest = hashlib.sha256(place.system(name).read_bytes()).hexdigest()
        assert digest == record["generations"][name]["key"]["predictions"]
        assert 40 == record["soundness"][name]["n"]
    assert {"python", "numpy", "cxr-harness"} <= {*record["versions"]}
    assert 0 == record["spec"]["resampling"]["seed"]
    assert "findings" == record["spec"]["section"]
    assert "scoring_s" in record["timing"]
    assert record["machine"]["platform"]
    assert "*\n" == Path("scored/.gitignore").read_text()


def test_the_recorded_command_makes_the_same_run(place: Workplace, run: Run) -> None:
    import shlex

    options = place.score("--slice", "view", "--method", "bca", "--resamples", 5000)
    assert 0 == run(*options).status
    words = shlex.split(json.loads((place.output / "run.json").read_text())["command"])
    assert "cxr-harness" == words[0]
    assert 0 == run(*words[1:], "--output", "again").status
    assert comparable(place.output) == comparable(Path("again"))


def test_systems_are_named_by_file_or_as_asked(place: Workplace, run: Run) -> None:
    packed = Path("model.v2.jsonl.gz")
    packed.write_bytes(gzip.compress(place.system("c").read_bytes()))
    Path("x=y.jsonl").write_bytes(place.system("c").read_bytes())
    words = place.score("lab/My model=b.jsonl", packed, "x=y.jsonl", systems=("a",))
    assert 0 == run(*words, "--fresh").status
    assert ["a", "lab/My model", "model.v2", "x=y"] == list(scores(place.output))
    assert (place.output / "predictions" / "lab%2FMy%20model.jsonl").exists()


def test_names_that_spreadsheets_would_run_are_defused(place: Workplace, run: Run) -> None:
    words = place.score("--predictions", "=1+1=a.jsonl", systems=())
    assert 2 == run(*words).status
    assert 0 == run(*place.score("--predictions", "@evil=a.jsonl", systems=())).status
    assert "\n'@evil,40" in (place.output / "leaderboard.csv").read_text()
    assert "s000,'@evil," in (place.output / "per_sample.csv").read_text()


def test_paper_names_families_and_protocols_choose_metrics(place: Workplace, run: Run) -> None:
    words = place.score("--metrics", "BLEU-4,ROUGE-L", "--metrics", "coco/bleu4", systems=("a",))
    assert 0 == run(*words).status
    assert ["bleu4", "rougeL", "coco/bleu4"] == list(scores(place.output)["a"])
    assert "coco/bleu4" in (place.output / "leaderboard.csv").read_text()


@pytest.mark.parametrize("protocol", ["libra", "coco", "radeval", "sacrebleu", "rexrank"])
def test_a_protocol_scores_as_python_does(protocol: str, place: Workplace, run: Run) -> None:
    words = ["score", "--references", place.refs, "--predictions", place.system("a")]
    words += ["--protocol", protocol, "--resamples", 0, "--output", place.output]
    assert 0 == run(*words, "--skip-unavailable").status
    found = scores(place.output)["a"]
    kept = {"metrics": list(found), "protocol": protocol, "resamples": 0}
    table = score(texts(place, "a"), references(place), **kept)
    expected = {name: one.score for name, one in table.systems["system"].metrics.items()}
    assert expected == found


@pytest.mark.parametrize("section", ["impression", "findings+impression"])
def test_a_section_is_scored(section: str, place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score("--section", section, "--metrics", "bleu4")).status
    parts = [references(place, name) for name in section.split("+")]
    wanted = [" ".join(texts) for texts in zip(*parts, strict=True)]
    table = score(texts(place, "a"), wanted, metrics=["bleu4"], resamples=0)
    expected = table.systems["system"].metrics["bleu4"].score
    assert expected == scores(place.output)["a"]["bleu4"]


def test_no_resamples_means_no_intervals(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score("--resamples", 0)).status
    table = json.loads((place.output / "scores.json").read_text())
    for one in table["systems"]["a"]["metrics"].values():
        assert one["low"] is None
        assert one["high"] is None
        assert 0 == one["resamples"]


@pytest.mark.parametrize(
    ("cluster", "unit", "n"),
    [("auto", "subject_id", 15), ("none", "sample", 40), ("view", "view", 2),
     ("study_id", "study_id", 40)],
)  # fmt: skip
def test_the_unit_of_resampling_is_chosen(
    cluster: str, unit: str, n: int, place: Workplace, run: Run
) -> None:
    assert 0 == run(*place.score("--cluster", cluster, "--metrics", "bleu4")).status
    one = json.loads((place.output / "scores.json").read_text())["systems"]["a"]["metrics"]["bleu4"]
    assert (unit, n) == (one["unit"], one["n_units"])


def test_missing_predictions_are_counted_and_scored_as_empty(place: Workplace, run: Run) -> None:
    lines = read(place.system("a"))
    write_lines(place.system("a"), lines[3:])
    words = place.score("--allow-missing", systems=("a",))
    assert 0 == run(*words).status
    table = json.loads((place.output / "scores.json").read_text())
    assert 3 == table["systems"]["a"]["missing"]
    for line in lines[:3]:
        line["prediction"] = ""
    write_lines(place.system("empty"), lines)
    assert 0 == run(*place.score("--output", "empty", systems=("empty",))).status
    assert scores(Path("empty"))["empty"] == scores(place.output)["a"]


def test_a_dummy_prior_makes_prior_statements_hallucinations(place: Workplace, run: Run) -> None:
    lines = read(place.system("a"))
    for name, prior in (("real", "real"), ("dummy", "dummy"), ("none", "none")):
        write_lines(place.system(name), [{**line, "prior": prior} for line in lines])
    systems = ("a", "real", "dummy", "none")
    assert 0 == run(*place.score("--metrics", "prior_hallucination", systems=systems)).status
    table = json.loads((place.output / "scores.json").read_text())["systems"]
    counts = {name: table[name]["metrics"]["prior_hallucination"]["n"] for name in systems}
    assert {"a": 14, "real": 14, "dummy": 40, "none": 40} == counts


def other_forms(place: Workplace) -> dict[str, list[object]]:
    """Write the same references in other formats; return the options that read each."""
    lines = read(place.refs)
    flat = [
        {
            "study_id": x["study_id"],
            "subject_id": x["subject_id"],
            "findings": x["reference"]["findings"],
            "prior_images": x["prior_images"],
        }
        for x in lines
    ]
    write_lines(place.folder / "flat.jsonl", flat)
    libra = [
        {"question_id": x["study_id"], "image": "a.png", "text": "Describe.", "subject_id":
         x["subject_id"], "findings": x["findings"]}
        for x in flat
    ]  # fmt: skip
    write_lines(place.folder / "libra.jsonl", libra)
    rexrank = {
        x["study_id"]: {"section_findings": x["findings"], "subject_id": x["subject_id"]}
        for x in flat
    }
    (place.folder / "rexrank.json").write_text(json.dumps(rexrank, indent=1))
    with (place.folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "patient", "text"])
        writer.writerows([x["study_id"], x["subject_id"], x["findings"]] for x in flat)
    columns = [f"--column={ours}" for ours in
               ("study_id=id", "subject_id=patient", "findings=text")]  # fmt: skip
    return {"flat.jsonl": [], "libra.jsonl": [], "rexrank.json": [], "table.csv": columns}


def test_references_in_other_formats_give_the_same_scores(place: Workplace, run: Run) -> None:
    options = ("--metrics", "bleu,rougeL,temporal_f1")
    assert 0 == run(*place.score(*options)).status
    expected = json.loads((place.output / "scores.json").read_text())
    for name, columns in other_forms(place).items():
        words = place.score("--references", name, "--output", f"out-{name}", *options, *columns)
        ended = run(*words)
        assert 0 == ended.status, (name, ended.err)
        table = json.loads(Path(f"out-{name}/scores.json").read_text())
        assert {**expected, "benchmark": Path(name).stem} == table


def test_predictions_in_other_formats_give_the_same_scores(place: Workplace, run: Run) -> None:
    lines = read(place.system("a"))
    answers = [{"question_id": x["study_id"], "text": x["prediction"]} for x in reversed(lines)]
    write_lines(Path("libra.jsonl"), answers)
    rexrank = {x["study_id"]: {"model_prediction": x["prediction"]} for x in lines}
    Path("rexrank.json").write_text(json.dumps(rexrank))
    with Path("table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["study_id", "prediction"])
        writer.writerows([x["study_id"], x["prediction"]] for x in lines)
    words = place.score("libra.jsonl", "rexrank.json", "table.csv", systems=("a",))
    ended = run(*words)
    assert 0 == ended.status, ended.err
    found = scores(place.output)
    assert ["a", "libra", "rexrank", "table"] == list(found)
    assert all(found["a"] == one for one in found.values())


def test_several_references_of_a_study_are_used(place: Workplace, run: Run) -> None:
    lines, second = read(place.refs), references(place, "impression")
    for line, text in zip(lines, second, strict=True):
        line["reference"] = {"findings": [line["reference"]["findings"], text]}
    write_lines(place.refs, lines)
    assert 0 == run(*place.score("--metrics", "bleu4,rougeL")).status
    wanted = [line["reference"]["findings"] for line in lines]
    table = score(texts(place, "a"), wanted, metrics=["bleu4", "rougeL"], resamples=0)
    expected = {name: one.score for name, one in table.systems["system"].metrics.items()}
    assert expected == scores(place.output)["a"]


def test_the_same_command_again_changes_nothing(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score()).status
    before = comparable(place.output)
    assert 0 == run(*place.score()).status
    assert before == comparable(place.output)


def test_fresh_replaces_a_run_whole(place: Workplace, run: Run) -> None:
    assert 0 == run("report", "scored", "--shareable").status
    words = place.score("--seed", 7, systems=("a",))
    assert 2 == run(*words, "--output", "scored").status
    assert 0 == run(*words, "--output", "scored", "--fresh").status
    assert 0 == run(*words).status
    assert comparable(place.output) == comparable(Path("scored"))
    assert not [*Path("scored").glob(".replaced*")]


def test_json_on_stdout_is_scores_json_and_nothing_else(place: Workplace, run: Run) -> None:
    ended = run(*place.score("--json"))
    assert 0 == ended.status
    assert json.loads((place.output / "scores.json").read_text()) == json.loads(ended.out)
    assert "" == ended.err


def test_hostile_texts_neither_break_the_files_nor_reach_the_terminal(
    place: Workplace, run: Run
) -> None:
    hostile = '=cmd()|"</script><script>alert(1)</script>[/red]\x1b[31m\r\n\u202e\U0001f9c1'
    lines = read(place.system("a"))
    lines[0]["prediction"] = hostile
    write_lines(place.system("a"), lines)
    ended = run(*place.score())
    assert 0 == ended.status
    assert "alert(1)" not in ended.out
    assert "<script>alert(1)" not in (place.output / "report.html").read_text()
    kept = read(place.output / "predictions" / "a.jsonl")
    assert hostile == kept[0]["prediction"]
    assert {*content(place.output)} == {*content(Path("scored"))} - {"predictions/c.jsonl"}


def test_one_study_is_enough_for_every_file(place: Workplace, run: Run) -> None:
    for path in (place.refs, place.system("a"), place.system("b")):
        write_lines(path, read(path)[:1])
    assert 0 == run(*place.score("--metrics", "default")).status
    ended = run("compare", place.output, "--json", "--trials", 10)
    assert 0 == ended.status
    assert {None} == {row["p_bootstrap"] for row in json.loads(ended.out)}
    assert 0 == run("report", place.output, "--shareable").status


def test_empty_texts_and_odd_ids_are_scored(place: Workplace, run: Run) -> None:
    ids = ["[/red]", "../../x", "=1+1", "ü", "<b>", "a,b", '"q"', "-1"]
    write_lines(place.refs, [{"study_id": one, "findings": ""} for one in ids])
    write_lines(place.system("a"), [{"study_id": one, "prediction": ""} for one in ids])
    ended = run(*place.score("--metrics", "default", "..=a.jsonl", systems=("a",)))
    assert 0 == ended.status, ended.err
    assert "unsound" in ended.out
    assert "empty findings" in ended.out + (place.output / "run.json").read_text()
    assert {*content(place.output)} >= {"predictions/%2E..jsonl", "predictions/a.jsonl"}
    with (place.output / "per_sample.csv").open(newline="") as file:
        shown = {row["study_id"] for row in csv.DictReader(file)}
    assert {one if one[0] not in "=-" else f"'{one}" for one in ids} == shown
