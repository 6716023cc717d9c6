"""Tables whose columns have other names: `--column` of `score`, and `columns` of a benchmark."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.workplace import Workplace, content

QUICK = ("--metrics", "bleu4", "--resamples", "0", "--output", "out")


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def tables(place: Workplace) -> Workplace:
    """Add tables: ``refs.csv``, ``a.csv`` with columns of its own, ``b.csv`` with ours."""
    studies = [json.loads(line) for line in place.refs.read_text().splitlines()]
    rows = [[one["study_id"], one["reference"]["findings"]] for one in studies]
    write_table(place.folder / "refs.csv", ["key", "text"], rows)
    headers = {"a": ["accession", "generated report"], "b": ["study_id", "prediction"]}
    for name, header in headers.items():
        lines = [json.loads(line) for line in place.system(name).read_text().splitlines()]
        rows = [[line["study_id"], line["prediction"]] for line in lines]
        write_table(place.folder / f"{name}.csv", header, rows)
    return place


def score(references: str, predictions: Sequence[str], *columns: str) -> list[str]:
    words = ["score", "--references", references, *QUICK]
    words += [f"--predictions={name}" for name in predictions]
    return [*words, *(f"--column={one}" for one in columns)]


def bleu(folder: str) -> dict[str, float]:
    systems = json.loads(Path(folder, "scores.json").read_text())["systems"]
    return {name: one["metrics"]["bleu4"]["score"] for name, one in systems.items()}


KEY, TEXT = "study_id=key", "findings=text"
ACCESSION, REPORT = "study_id=accession", "prediction=generated report"


@pytest.mark.parametrize(
    ("references", "predictions", "columns"),
    [
        ("refs.jsonl", ["a.csv", "b.jsonl"], [ACCESSION, REPORT]),
        ("refs.csv", ["a.jsonl", "b.csv"], [KEY, TEXT]),
        ("refs.csv", ["a.csv", "b.csv"], [KEY, TEXT, ACCESSION, REPORT]),
    ],
)
def test_every_column_goes_to_the_tables_that_have_it(
    tables: Workplace, run: Run, references: str, predictions: list[str], columns: list[str]
) -> None:
    ended = run(*score(references, predictions, *columns))
    assert 0 == ended.status, ended.err
    scored = bleu("scored")
    assert {"a": scored["a"], "b": scored["b"]} == pytest.approx(bleu("out"), abs=1e-15)
    assert columns == json.loads(Path("out/run.json").read_text())["spec"]["columns"]


def test_one_table_may_hold_references_and_predictions(tables: Workplace, run: Run) -> None:
    with Path("refs.csv").open(newline="") as file:
        write_table(
            Path("both.csv"), ["key", "text", "answer"], [[*r, r[1]] for r in rows_of(file)]
        )
    ended = run(*score("both.csv", ["same=both.csv"], KEY, TEXT, "prediction=answer"))
    assert 0 == ended.status, ended.err
    assert {"same": pytest.approx(1.0)} == bleu("out")


def rows_of(file: Iterable[str]) -> list[list[str]]:
    return list(csv.reader(file))[1:]


@pytest.mark.parametrize(
    ("references", "predictions", "columns", "says"),
    [
        ("refs.jsonl", "a.csv", [ACCESSION, "prediction=report"],
         ["no column 'report'. a.csv has 'accession', 'generated report'. Name one of them."]),
        ("refs.csv", "a.csv", ["study_id=case"],
         ["no column 'case'", "refs.csv has 'key', 'text'; a.csv has 'accession', 'gen"]),
        ("refs.csv", "a.csv", [KEY, "findings=generated report"],
         ["no column 'generated report'. refs.csv has 'key', 'text'. Name one"]),
        ("refs.csv", "a.jsonl", ["prediction=text"],
         ["--column 'prediction=text': no file of predictions is a table (CSV or TSV)."]),
        ("refs.jsonl", "a.jsonl", ["study_id=key"], ["no file is a table (CSV or TSV). Leave it"]),
        ("refs.jsonl", "a.csv", [TEXT], ["refs.jsonl is no table (CSV or TSV). Leave it out."]),
        ("refs.csv", "a.csv", ["predicton=text"],
         ["unknown field 'predicton'. Did you mean 'prediction'?"]),
        ("refs.csv", "a.csv", [KEY, "study_id=text"],
         ["--column 'study_id=text': refs.csv has 'key' for study_id already. Keep one."]),
        ("refs.csv", "a.csv", [KEY, TEXT],
         ["a.csv line 1: no column sample_id", "--column study_id=COLUMN"]),
        ("refs.csv", "a.csv", [KEY, TEXT, ACCESSION],
         ["name it with --column prediction='generated report'"]),
        ("refs.csv", "nowhere.csv", [KEY, TEXT], ["nowhere.csv does not exist."]),
    ],
)  # fmt: skip
def test_a_column_that_fits_no_table_is_refused(
    tables: Workplace,
    run: Run,
    references: str,
    predictions: str,
    columns: list[str],
    says: list[str],
) -> None:
    before = content(Path())
    ended = run(*score(references, [predictions], *columns))
    assert 2 == ended.status
    assert all(part in ended.err for part in says), ended.err
    assert before == content(Path())


BENCHMARK = """\
data: {path: refs.jsonl}
models:
  - {id: a, adapter: predictions, path: a.csv,
     columns: {study_id: accession, prediction: generated report}}
metrics: [bleu4]
statistics: {resamples: 0}
output: out
"""


def test_a_benchmark_maps_the_columns_of_predictions(tables: Workplace, run: Run) -> None:
    Path("bench.yaml").write_text(BENCHMARK)
    ended = run("run", "bench.yaml")
    assert 0 == ended.status, ended.err
    assert bleu("scored")["a"] == bleu("out")["a"]
    Path("bench.yaml").write_text(BENCHMARK.replace("prediction: generated", "prediction: written"))
    ended = run("run", "bench.yaml", "--fresh")
    assert 2 == ended.status
    assert "a.csv line 1: no column 'written report', which columns gives for prediction" in (
        ended.err
    )
