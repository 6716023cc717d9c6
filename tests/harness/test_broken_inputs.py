"""Broken inputs: each is one error with exit status 2 that names the place and the mend."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.datasets import read_predictions, read_studies
from harness.errors import InputError
from metrics.errors import InputError as MetricsInputError

A = '{"study_id": "a", "findings": "Clear."}\n'
B = '{"study_id": "b", "findings": "Clear."}\n'
OURS = '{"study_id": "a", "reference": {"findings": "x"}, '
P = '{"study_id": "a", "prediction": "Clear."}\n'


def _table(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _refusal(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises((InputError, MetricsInputError)) as caught:
        call(*arguments, **options)
    assert 2 == getattr(caught.value, "exit_status", None)
    return str(caught.value)


STUDIES: list[tuple[str, str | bytes, dict[str, Any], str]] = [
    ("a.jsonl", A + '{"study_id": "b"\n', {}, "line 2 column 18: not valid JSON"),
    ("a.jsonl", A + "[]\n", {}, "line 2: expected an object in braces, found a list. Write one"),
    ("a.jsonl", A + A, {}, "line 2: the id 'a' appears twice (first on line 1). Keep one line"),
    ("a.jsonl", A + '{"findings": "x"}\n', {}, "line 2: no study_id. Give every study an id."),
    ("a.jsonl", '{"study_id": null}\n', {}, "line 1: no study_id. Give every study an id."),
    ("a.jsonl", '{"study_id": 1.5}\n', {}, "line 1: study_id is a number. Write a text or a"),
    ("a.jsonl", '{"study_id": ["a"]}\n', {}, "line 1: study_id is a list. Write a text or a"),
    ("a.jsonl", '{"study_id": "a\\nb"}\n', {}, "line 1: study_id is 'a\\nb', with characters"),
    ("a.jsonl", '{"study_id": "a\\u202eb"}\n', {}, "line 1: study_id is 'a\\u202eb', with"),
    (
        "a.jsonl",
        json.dumps({"study_id": "x" * 10_000}),
        {},
        "10,000 characters. Write at most 512.",
    ),
    ("a.jsonl", '{"study_id": "a", "findings": NaN}\n', {}, "line 1: NaN is no JSON value. Write"),
    (
        "a.jsonl",
        '{"study_id": "a", "findings": 3}\n',
        {},
        "line 1: reference.findings is a number.",
    ),
    ("a.jsonl", '{"study_id": "a", "findings": []}\n', {}, "reference.findings is an empty list."),
    ("a.jsonl", '{"study_id": "a", "findings": ["x", null]}\n', {}, "is null. Write a text"),
    ("a.jsonl", OURS + '"context": ["x"]}\n', {}, "line 1: context is a list. Write an object"),
    (
        "a.jsonl",
        OURS + '"context": {"indication": 3}}',
        {},
        "context.indication is a number. Write",
    ),
    ("a.jsonl", OURS + '"tags": "PA"}\n', {}, "line 1: tags is a text. Write an object such as"),
    ("a.jsonl", OURS + '"tags": {"view": ["PA"]}}\n', {}, "tags.view is a list. Write a word"),
    ("a.jsonl", OURS + '"images": {"a": 1}}\n', {}, "images is an object. Write a list of image"),
    ("a.jsonl", OURS + '"images": [3]}\n', {}, "a path in images is a number. Write a text"),
    (
        "a.jsonl",
        OURS + '"images": ["a\\u0000b"]}\n',
        {},
        "cannot be printed. Write the image's path",
    ),
    (
        "a.jsonl",
        OURS + '"prior_images": true}\n',
        {},
        "prior_images is true or false. Write a list",
    ),
    ("a.jsonl", OURS + '"current_image": ["a", "b"]}', {}, "names 2 images. Write one path."),
    (
        "a.jsonl",
        OURS + '"subject_id": {}}\n',
        {},
        "subject_id is an object. Write a text or a whole",
    ),
    ("a.jsonl", OURS + '"prior_report": 3}\n', {}, "prior_report is a number. Write a text, or"),
    ("a.jsonl", OURS + '"study_id": "b"}\n', {}, "line 1: the key 'study_id' appears twice"),
    (
        "a.jsonl",
        '{"study_id": "a", "impression": "x"}\n{"study_id": "b", "impression": "x"}\n',
        {},
        "line 1 (study 'a') has no findings. Add it (an empty text if the report has none), or "
        "choose --section impression. 2 of 2 studies lack it.",
    ),
    ("a.jsonl", A, {"section": "findngs"}, "has no findngs. Add it"),
    ("a.jsonl", '{"question_id": "a", "text": "Describe."}', {}, "is the prompt, which is never"),
    (
        "a.jsonl",
        '{"question_id": "a", "image": ["1", "2", "3"], "reference": "x"}',
        {},
        "line 1: image names 3 images. Write the current image, or [current, prior].",
    ),
    ("a.jsonl", "", {}, "line 1: the file is empty. Write one JSON object per line."),
    ("a.jsonl", (A + B).encode("utf-16"), {}, "line 1: the file is UTF-16. Save it as UTF-8."),
    ("a.jsonl", A.encode() + b'{"study_id": "\xe9"}\n', {}, "line 2: not UTF-8 at byte 54 of the"),
    (
        "a.jsonl",
        A + "x" * 10_000_000,
        {},
        "line 2: longer than 8 MB. Shorten it, or raise the limit",
    ),
    ("a.jsonl", A, {"split": "test", "format": "fat"}, "Unknown data format 'fat'. Did you mean"),
    ("a.jsonl", A, {"columns": {"study_id": "x"}}, "columns is for tables, but"),
    (
        "a.jsonl",
        '{"study_id": "a", "findings": "x", "split": "train"}\n',
        {"split": "trian"},
        "no study is of the split 'trian'. Did you mean 'train'?",
    ),
    (
        "a.jsonl",
        '{"study_id": "a", "findings": "x", "split": "train"}\n' + B,
        {"split": "train"},
        "line 2 (study 'b') has no split, but others have. Add it.",
    ),
    ("a.json", '{"a": {"section_findings": "x"},\n "b": 3}', {}, "study 'b': expected an object"),
    ("a.json", '{"a": {"section_findings": "x"},\n "a": {}}', {}, "the key 'a' appears twice"),
    ("a.json", '{"a": {"section_findings": "x"},\n "b": }', {}, "line 2 column 7: not valid JSON"),
    ("a.json", "{}\n", {}, "line 1: the file holds no studies."),
    ("a.json", '{"a": {"section_findings": 3}}', {}, "study 'a': reference.findings is a number."),
    ("a.csv", "", {}, "line 1: the file is empty. Write a header and a row per study."),
    ("a.csv", "study_id,findings\n", {}, "line 1: the file holds no studies. Write at least one."),
    ("a.csv", "study_id,findings\na,b,c\n", {}, "line 2: 3 cells under 2 columns. Put texts with"),
    (
        "a.csv",
        'study_id,findings\n"a\nb",x\nc\n',
        {},
        "line 2: study_id is 'a\\nb', with characters",
    ),
    ("a.csv", 'study_id,findings\na,"x\ny"\nb\n', {}, "line 4: 1 cells under 2 columns. Put texts"),
    ("a.csv", 'study_id,findings\na,"x"y\n', {}, "line 2: not a row of CSV ("),
    ("a.csv", 'study_id,findings\na,"x\n', {}, "line 2: not a row of CSV (unexpected end of data)"),
    ("a.csv", "study_id,study_id\na,b\n", {}, "line 1: the column 'study_id' appears twice."),
    (
        "a.csv",
        "study,findings\na,b\n",
        {},
        "line 1: no column study_id among 'study', 'findings'. Rename one, or name it with "
        "--column study_id='study' (in a benchmark file: columns).",
    ),
    ("a.csv", "study_id,findings\na,nan\n", {}, "line 2: findings is NaN, a missing value. Write"),
    ("a.csv", "study_id,findings\n,x\n", {}, "line 2: no study_id. Give every study an id."),
    ("a.csv", "study_id,findings,images\na,x,[\n", {}, "line 2: images is no JSON list. Write one"),
    ("a.csv", "study_id,findings\na,\xe9\n".encode("latin-1"), {}, "line 2: not UTF-8 at byte 20"),
    ("a.csv", "study_id,x\na,b\n", {"columns": {"findigs": "x"}}, "Did you mean 'findings'?"),
    ("a.csv", "study_id,x\na,b\n", {"columns": {"findings": "y"}}, "no column 'y', which columns"),
    ("a.csv", "study_id,tags,tags.a\na,b,c\n", {}, "columns for tags and for members of it. Keep"),
]


@pytest.mark.parametrize(("name", "content", "options", "what"), STUDIES)
def test_broken_studies_are_refused(
    tmp_path: Path, name: str, content: str | bytes, options: dict[str, Any], what: str
) -> None:
    path = _table(tmp_path / name, content)
    before = path.read_bytes()
    message = _refusal(read_studies, path, **{"section": "findings", **options})
    assert what in message
    assert options.get("format") or str(path) in message
    assert before == path.read_bytes()


PREDICTIONS: list[tuple[str, str | bytes, str]] = [
    ("p.jsonl", P + "{", "line 2 column 2: not valid JSON"),
    ("p.jsonl", P + P, "line 2: the id 'a' appears twice (first on line 1). Keep one line per id."),
    (
        "p.jsonl",
        P,
        ": no prediction for 1 of 2 ('b'). Add a line for each, or give --allow-missing",
    ),
    (
        "p.jsonl",
        P + '{"study_id": "c", "prediction": "x"}\n',
        "line 2: 1 unknown id ('c'), and no prediction for 1 of 2 ('b'). Use the ids of the",
    ),
    ("p.jsonl", P + '{"study_id": "b", "prediction": null}\n', "line 2: prediction is null. Write"),
    (
        "p.jsonl",
        P + '{"study_id": "b", "prediction": NaN}\n',
        "line 2: NaN is no JSON value. Write",
    ),
    (
        "p.jsonl",
        P + '{"study_id": "b", "prediction": 3}\n',
        "line 2: prediction is a number. Write",
    ),
    (
        "p.jsonl",
        P + '{"study_id": "b", "prediction": ["x"]}\n',
        "line 2: prediction is a list. Write",
    ),
    ("p.jsonl", P + '{"study_id": "b", "report": "x"}\n', "line 2: no prediction. Add prediction,"),
    ("p.jsonl", P[:-2] + ', "tokens": -1}\n', "line 1: tokens is no whole number from 0. Write"),
    ("p.jsonl", P[:-2] + ', "prior": "fake"}\n', "line 1: prior is not one of real, dummy,"),
    ("p.jsonl", P[:-2] + ', "finish_reason": 1}\n', "line 1: finish_reason is a number. Write a"),
    ("p.jsonl", P[:-2] + ', "sequence": -1}\n', "line 1: sequence is no whole number from 0."),
    ("p.jsonl", "", "line 1: the file is empty"),
    ("p.csv", "study_id,report\na,x\nb,y\n", "line 1: no column prediction or model_prediction or"),
    ("p.csv", "name,prediction\na,x\n", "line 1: no column sample_id or question_id or study_id"),
    ("p.csv", "study_id,prediction\na,NaN\nb,x\n", "line 2: prediction is NaN, a missing value."),
    (
        "p.csv",
        "study_id,prediction\na,x\na,x\n",
        "line 3: the id 'a' appears twice (first on line 2)",
    ),
    (
        "p.csv",
        "study_id,prediction,tokens\na,x,many\n",
        "line 2: tokens is no whole number from 0.",
    ),
    ("p.json", '{"a": {"model_prediction": "x"}}', ": no prediction for 1 of 2 ('b')."),
    ("p.json", '{"a": {"model_prediction": null}}', "study 'a': model_prediction is null. Write"),
    ("p.json", '{"a": {"findings": "x"}}', "study 'a': no prediction. Add prediction,"),
    ("p.json", '{"a": "x"}', "expected an object, found a text. Mend it."),
]


MAPPED = "accession,generated report\na,x\nb,y\n"
COLUMN_MAPS: list[tuple[str, str, dict[str, str], str]] = [
    ("p.csv", MAPPED, {}, "no column sample_id or question_id or study_id among 'accession', 'gen"),
    ("p.csv", MAPPED, {}, "name it with --column study_id=COLUMN (in a benchmark file: columns)."),
    ("p.csv", MAPPED, {"study_id": "accession"}, "--column prediction='generated report' (in a"),
    (
        "p.csv",
        MAPPED,
        {"study_id": "accession", "prediction": "report"},
        "line 1: no column 'report', which columns gives for prediction. Name one of 'accession', "
        "'generated report'.",
    ),
    ("p.csv", MAPPED, {"predicton": "x"}, "unknown field of predictions 'predicton'. Did you"),
    ("p.csv", MAPPED, {"findings": "x"}, "unknown field of predictions 'findings'. Known: sample"),
    ("p.jsonl", P, {"prediction": "x"}, "columns is for tables, but"),
    (
        "p.csv",
        "study_id,prediction\na,x\nb,y\n",
        {"prediction": "study_id"},
        "line 1: no column sample_id or question_id or study_id among 'study_id', 'prediction'.",
    ),
    (
        "p.csv",
        "study_id,report,n\na,x,many\nb,y,\n",
        {"prediction": "report", "tokens": "n"},
        "line 2: tokens is no whole number from 0.",
    ),
    ("p.csv", "study_id,r\na,NaN\nb,y\n", {"prediction": "r"}, "line 2: r is NaN, a missing"),
]


@pytest.mark.parametrize(("name", "content", "columns", "what"), COLUMN_MAPS)
def test_a_wrong_column_map_of_predictions_is_refused(
    tmp_path: Path, name: str, content: str, columns: dict[str, str], what: str
) -> None:
    path = _table(tmp_path / name, content)
    message = _refusal(read_predictions, path, ["a", "b"], columns=columns)
    assert what in message
    assert str(path) in message


@pytest.mark.parametrize(("name", "content", "what"), PREDICTIONS)
def test_broken_predictions_are_refused(
    tmp_path: Path, name: str, content: str | bytes, what: str
) -> None:
    path = _table(tmp_path / name, content)
    message = _refusal(read_predictions, path, ["a", "b"])
    assert what in message
    assert str(path) in message


def test_unknown_ids_are_refused_where_missing_ones_are_allowed(tmp_path: Path) -> None:
    path = _table(tmp_path / "p.jsonl", P)
    assert "line 1: 1 unknown id ('a')." in _refusal(
        read_predictions, path, ["b"], allow_missing=True
    )


@pytest.mark.parametrize("read", [read_studies, lambda path: read_predictions(path, ["a"])])
def test_a_folder_or_nothing_at_all_is_refused(tmp_path: Path, read: Any) -> None:
    assert f"{tmp_path} is a folder. Name a file in it." == _refusal(read, tmp_path)
    missing = tmp_path / "none.jsonl"
    assert f"{missing} does not exist. Check the path." == _refusal(read, missing)


def test_a_folder_without_the_split_is_refused(tmp_path: Path) -> None:
    message = _refusal(read_studies, tmp_path, split="test")
    assert "holds no file of the split 'test' (test.jsonl or the like). Name the file" in message


def test_a_longer_line_is_read_when_it_is_allowed(tmp_path: Path) -> None:
    record = {"study_id": "a", "findings": "x" * 8_500_000}
    path = _table(tmp_path / "a.jsonl", json.dumps(record))
    assert "line 1: longer than 8 MB" in _refusal(read_studies, path)
    assert ["a"] == read_studies(path, max_line_mb=9).ids
