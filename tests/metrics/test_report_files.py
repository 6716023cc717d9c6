import json
from pathlib import Path
from typing import Any

import pytest

from metrics.errors import InputError
from metrics.files.report_files import read_predictions, read_references


def _write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"question_id": 7, "text": "Describe.", "reference": "A.", "findings": "B."}, ["A."]),
        ({"question_id": 7, "findings": "B.", "impression": "C."}, ["B."]),
        ({"study_id": "7", "findings": None, "impression": "C."}, ["C."]),
        (
            {"study_id": "7", "reference": {"impression": "C.", "findings": ["A.", "B."]}},
            ["A.", "B."],
        ),
        ({"sample_id": "7", "study_id": "x", "reference": {"impression": ""}}, [""]),
        ({"study_id": "7", "reference": ["A.", "B."]}, ["A.", "B."]),
    ],
)
def test_a_reference_is_found_where_libra_looks(
    tmp_path: Path, record: dict[str, Any], expected: list[str]
) -> None:
    assert {"7": expected} == read_references(_write(tmp_path / "r.jsonl", record))


def test_predictions_are_joined_by_id_whatever_their_order(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "p.jsonl",
        {"question_id": "b", "text": "B."},
        {"study_id": "a", "prediction": "A.", "text": "the prompt"},
        {"sample_id": "c", "study_id": "a", "model_prediction": ""},
    )
    assert {"a": "A.", "b": "B.", "c": ""} == read_predictions(path, ["a", "b", "c"])


def test_the_first_of_several_answers_counts(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "p.jsonl",
        {"study_id": "a", "prediction": "Second.", "sequence": 1},
        {"study_id": "a", "prediction": "First.", "sequence": 0},
    )
    assert {"a": "First."} == read_predictions(path, ["a"])


@pytest.mark.parametrize(
    ("records", "what"),
    [
        (
            [{"question_id": "a", "text": "Describe."}],
            "line 1: no reference. Its text is the prompt",
        ),
        ([{"study_id": "a", "findings": 3}], "line 1: findings is a number. Write a text"),
        ([{"study_id": "a", "reference": []}], "line 1: reference is an empty list"),
        ([{"study_id": "a", "reference": ["x", None]}], "line 1: reference is null. Write a text"),
        ([{"findings": "x"}], "line 1: no id. Add sample_id, question_id or study_id"),
        (
            [{"study_id": True, "findings": "x"}],
            "study_id is true or false. Write a text or a whole",
        ),
        ([{"study_id": 1.5, "findings": "x"}], "study_id is a number. Write a text or a whole"),
        ([{"study_id": "", "findings": "x"}], "study_id is empty. Give every sample an id"),
        (
            [{"study_id": "a\nb", "findings": "x"}],
            r"study_id is 'a\nb', with characters that cannot",
        ),
        ([{"study_id": "x" * 10_000, "findings": "x"}], "10,000 characters. Write at most 512"),
        (
            [{"study_id": "a", "findings": "x"}] * 2,
            "line 2: the id 'a' appears twice (first on line 1). Keep one line per id.",
        ),
    ],
)
def test_a_wrong_reference_is_named(
    tmp_path: Path, records: list[dict[str, Any]], what: str
) -> None:
    path = _write(tmp_path / "r.jsonl", *records)
    with pytest.raises(InputError) as caught:
        read_references(path)
    assert str(caught.value).startswith(str(path))
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("records", "what"),
    [
        ([{"study_id": "a", "prediction": None}], "line 1: prediction is null. Write a text"),
        ([{"study_id": "a", "prediction": ["x"]}], "line 1: prediction is a list. Write a text"),
        ([{"study_id": "a", "findings": "x"}], "line 1: no prediction. Add prediction,"),
        ([{"study_id": "a", "prediction": "", "sequence": "0"}], "sequence is no whole number"),
        ([{"study_id": "a", "prediction": "x"}], ": no prediction for 2 of 3 ('b', 'c'). Write"),
        (
            [{"study_id": i, "prediction": "x"} for i in "abd"],
            "line 3: 1 unknown id ('d'), and no prediction for 1 of 3 ('c'). Use the ids",
        ),
        (
            [{"study_id": "a", "prediction": "x"}] * 2,
            "line 2: the id 'a' appears twice (first on line 1)",
        ),
    ],
)
def test_a_wrong_prediction_is_named(
    tmp_path: Path, records: list[dict[str, Any]], what: str
) -> None:
    path = _write(tmp_path / "p.jsonl", *records)
    with pytest.raises(InputError) as caught:
        read_predictions(path, ["a", "b", "c"])
    assert str(caught.value).startswith(str(path))
    assert what in str(caught.value)


def test_messages_never_quote_a_report(tmp_path: Path) -> None:
    secret = "Left pleural effusion of a named person."
    path = tmp_path / "p.jsonl"
    path.write_text('{"study_id": "a", "prediction": "' + secret)
    with pytest.raises(InputError) as caught:
        read_predictions(path, ["a"])
    assert "effusion" not in str(caught.value)
