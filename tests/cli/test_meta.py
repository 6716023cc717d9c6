"""The verb ``meta`` on synthetic files in the layout of ReXVal 1.0.0."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from metrics import score
from tests.cli.conftest import Run
from tests.cli.workplace import report

CANDIDATES = ("radgraph", "bertscore", "s_emb", "bleu")
STUDIES, RATERS, CATEGORIES = 12, 3, 6
COLUMNS = (
    *("study_number", "candidate_type", "error_category", "rater_index"),
    *("clinically_significant", "num_errors"),
)


def _write(path: Path, header: tuple[str, ...], rows: list[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def _made(first: int = 0) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return rows of reports and of counts: the more words are wrong, the more errors."""
    generator = np.random.default_rng(1)
    reports, counts = [], []
    for study in range(STUDIES):
        reference = report(generator)
        row = [f"s{study}", reference]
        for candidate in CANDIDATES:
            words = reference.split()
            wrong = int(generator.integers(0, 6))
            for place in generator.choice(len(words), wrong, replace=False):
                words[place] = "wrong"
            row.append(" ".join(words))
            counts += [
                [study + first, candidate, category, rater, significant, int(number)]
                for rater in range(RATERS)
                for category in range(1, CATEGORIES + 1)
                for significant in (True, False)
                for number in [generator.poisson(wrong / 6)]
            ]
        reports.append(row)
    return reports, counts


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[Any]]:
    monkeypatch.chdir(tmp_path)
    reports, counts = _made()
    _write(Path("reports.csv"), ("study_id", "gt_report", *CANDIDATES), reports)
    _write(Path("errors.csv"), COLUMNS, counts)
    return reports, counts


WORDS = ("meta", "--errors", "errors.csv", "--reports", "reports.csv", "--output", "out")


def test_coefficients_are_scipys_on_the_mean_counts(
    files: tuple[list[Any], list[Any]], run: Run
) -> None:
    ended = run(*WORDS, "--metrics", "bleu1,rougeL", "--resamples", 100, "--json")
    assert (0, "") == (ended.status, ended.err)
    values = json.loads(ended.out)
    reports, counts = files
    predictions = [row[2 + at] for row in reports for at in range(4)]
    references = [row[1] for row in reports for _ in range(4)]
    table = score(predictions, references, metrics=["bleu1"], resamples=0)
    for kind, wanted in (("all", (True, False)), ("significant", (True,))):
        errors = [
            sum(c[5] for c in counts if c[:2] == [study, name] and c[4] in wanted) / RATERS
            for study in range(STUDIES)
            for name in CANDIDATES
        ]
        bleu1 = table.per_sample["system"]["bleu1"]
        found = next(
            a for a in values["agreements"] if (a["metric"], a["errors"]) == ("bleu1", kind)
        )
        minus = -np.array(errors)
        tau = stats.kendalltau(bleu1, minus).statistic
        r = stats.pearsonr(bleu1, minus).statistic
        assert 0.3 < tau == pytest.approx(found["kendall"]["value"], abs=1e-12)
        assert r == pytest.approx(found["pearson"]["value"], abs=1e-12)
        assert found["kendall"]["low"] < tau < found["kendall"]["high"]
        assert (48, 12) == (found["kendall"]["n"], found["kendall"]["n_units"])
    assert (48, 12, 3) == tuple(values[key] for key in ("pairs", "studies", "raters"))


@pytest.mark.usefixtures("files")
def test_files_are_written_and_hold_no_report(run: Run) -> None:
    ended = run(*WORDS, "--metrics", "bleu1,temporal_direction_f1", "--resamples", 20)
    assert (0, "") == (ended.status, ended.err)
    assert ["meta.csv", "meta.json", "meta.svg", "pairs.csv"] == sorted(
        p.name for p in Path("out").iterdir()
    )
    written = "".join(p.read_text(encoding="utf-8") for p in Path("out").iterdir())
    assert "basilar opacity" not in written
    svg = ET.fromstring(Path("out/meta.svg").read_text(encoding="utf-8"))
    names = [e.text for e in svg.iter("{http://www.w3.org/2000/svg}text") if not e.get("class")]
    assert "bleu1" in names
    with Path("out/pairs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert (48, "0", "radgraph") == (len(rows), rows[0]["study"], rows[0]["candidate"])


@pytest.mark.usefixtures("files")
def test_the_same_command_gives_the_same_bytes(run: Run) -> None:
    assert 0 == run(*WORDS, "--metrics", "rougeL", "--resamples", 20).status
    again = (*WORDS[:-1], "again")
    assert 0 == run(*again, "--metrics", "rougeL", "--resamples", 20).status
    for path in Path("out").iterdir():
        assert path.read_bytes() == (Path("again") / path.name).read_bytes()


def test_studies_may_be_numbered_from_one(files: tuple[list[Any], list[Any]], run: Run) -> None:
    words = (*WORDS, "--metrics", "bleu1", "--resamples", 0, "--json", "--fresh")
    from_zero = json.loads(run(*words).out)["agreements"]
    _write(Path("errors.csv"), COLUMNS, [[row[0] + 1, *row[1:]] for row in files[1]])
    assert from_zero == json.loads(run(*words).out)["agreements"]


def test_scores_may_be_given(files: tuple[list[Any], list[Any]], run: Run) -> None:
    assert 0 == run(*WORDS, "--metrics", "bleu1", "--resamples", 0).status
    with Path("out/pairs.csv").open(encoding="utf-8") as file:
        pairs = list(csv.DictReader(file))
    rows = [[p["study"], p["candidate"], p["bleu1"], -float(p["bleu1"]), p["bleu1"]] for p in pairs]
    header = ("study_number", "system", "bleu1", "mine", "radcliq_v1")
    _write(Path("scores.csv"), header, rows)
    ended = run(
        *("meta", "--errors", "errors.csv", "--scores", "scores.csv", "--lower", "mine"),
        *("--resamples", 0, "--output", "given", "--json"),
    )
    found = {a["metric"]: a for a in json.loads(ended.out)["agreements"] if a["errors"] == "all"}
    tau = found["bleu1"]["kendall"]["value"]
    # of our own outputs the direction is known
    assert (tau, -tau) == (
        found["mine"]["kendall"]["value"],
        found["radcliq_v1"]["kendall"]["value"],
    )
    assert [True, False, False] == [one["higher_is_better"] for one in found.values()]


def test_plain_counts_need_no_rater_and_no_significance(tmp_path: Path, run: Run) -> None:
    _write(tmp_path / "e.csv", ("study_id", "system", "errors"), [["a", "x", 1], ["b", "x", 3]])
    _write(tmp_path / "s.csv", ("study_id", "system", "m"), [["b", "x", 0.1], ["a", "x", 0.7]])
    ended = run(
        *("meta", "--errors", tmp_path / "e.csv", "--scores", tmp_path / "s.csv"),
        *("--resamples", 0, "--output", tmp_path / "out", "--json"),
    )
    (one,) = json.loads(ended.out)["agreements"]
    assert ("all", 1.0) == (one["errors"], one["kendall"]["value"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({5: "many"}, "errors.csv line 2: num_errors is 'many', not a number."),
        ({5: -1}, "errors.csv line 2: num_errors is '-1', not a number of errors."),
        ({4: "perhaps"}, "line 2: clinically_significant is 'perhaps'"),
        ({0: 99}, "no reports of study '99'"),
        ({1: "gpt"}, "no column 'gpt' with the candidate's reports"),
    ],
)
def test_wrong_cells_are_refused(
    files: tuple[list[Any], list[Any]], run: Run, change: dict[int, Any], message: str
) -> None:
    first = [change.get(at, value) for at, value in enumerate(files[1][0])]
    _write(Path("errors.csv"), COLUMNS, [first, *files[1][1:]])
    ended = run(*WORDS, "--metrics", "bleu1")
    assert (2, True) == (ended.status, message in ended.err), ended.err
    assert not Path("out").exists()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("--scores", "reports.csv"), 2, "Give either --reports"),
        (("--metrics", "meteo"), 2, "Did you mean 'meteor'"),
        (("--metrics", "radcliq"), 3, "radgraph"),
        (("--errors", "reports.csv"), 2, "no column candidate_type or"),
    ],
)
def test_refusals(run: Run, words: tuple[str, ...], status: int, message: str) -> None:
    ended = run(*WORDS, *words)
    assert (status, True) == (ended.status, message in ended.err), ended.err


@pytest.mark.usefixtures("files")
def test_scores_of_every_pair_are_needed(run: Run) -> None:
    _write(Path("scores.csv"), ("study_number", "system", "m"), [[0, "bleu", 1.0]])
    ended = run("meta", "--errors", "errors.csv", "--scores", "scores.csv", "--output", "out")
    assert (2, True) == (ended.status, "no scores of 47 of 48 pairs" in ended.err)


@pytest.mark.parametrize(
    ("column", "direction"),
    [
        ("RadCliQ-v1", False),
        ("rexrank/radcliq_v1", False),
        ("1/RadCliQ-v1", True),
        ("GREEN_errors", False),
        ("my/score", True),
    ],
)
def test_the_direction_of_our_outputs_is_known_as_papers_spell_them(
    tmp_path: Path, run: Run, column: str, direction: bool
) -> None:
    _write(tmp_path / "e.csv", ("study_id", "system", "errors"), [["a", "x", 1], ["b", "x", 3]])
    _write(tmp_path / "s.csv", ("study_id", "system", column), [["b", "x", 0.1], ["a", "x", 0.7]])
    ended = run(
        *("meta", "--errors", tmp_path / "e.csv", "--scores", tmp_path / "s.csv"),
        *("--resamples", 0, "--output", tmp_path / "out", "--json"),
    )
    (one,) = json.loads(ended.out)["agreements"]
    assert (direction, 1.0 if direction else -1.0) == (
        one["higher_is_better"],
        one["kendall"]["value"],
    )


def test_two_rows_of_one_study_are_refused(files: tuple[list[Any], list[Any]], run: Run) -> None:
    rows = [[number, *row[1:]] for number, row in enumerate(files[0])]
    header = ("study_number", "gt_report", *CANDIDATES)
    _write(Path("reports.csv"), header, rows)
    words = (*WORDS, "--metrics", "bleu1", "--resamples", 0, "--fresh")
    assert 0 == run(*words).status
    _write(Path("reports.csv"), header, [*rows, ["1.0", *rows[3][1:]]])
    ended = run(*words)
    assert (2, True) == (ended.status, "line 14: a second row of the same study" in ended.err)


@pytest.mark.usefixtures("files")
def test_metrics_take_settings(run: Run) -> None:
    words = (*WORDS, "--metrics", "rougeL", "--resamples", 0)
    ended = run(*words, "--setting", "rougeL.stem=true")
    assert 0 == ended.status, ended.err
    assert "|stem:yes|" in Path("out/meta.json").read_text(encoding="utf-8")
    assert 2 == run(*words, "--fresh", "--setting", "bleu.smoothing=exp").status
