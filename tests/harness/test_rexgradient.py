import json
from pathlib import Path
from typing import Any

import pytest

from harness.datasets import read_studies
from harness.datasets.rexgradient import prepare_rexgradient
from harness.errors import InputError
from metrics.errors import InputError as MetricsInputError


def _study(accession: str, date: object = 20200101, **change: Any) -> tuple[str, dict[str, Any]]:
    folder = f"../deid_png/P1/{accession}/studies"
    return f"P1_{accession}", {
        "PatientID": "P1",
        "ImagePath": [f"{folder}/l.png", f"{folder}/f.png"],
        "ImageViewPosition": ["LATERAL", "POSTERO_ANTERIOR"],
        "Indication": "Cough.",
        "Comparison": "None",
        "Findings": f"Findings of {accession}.",
        "Impression": "Normal.",
        "StudyDate": date,
        **change,
    }


def _prepare(folder: Path, *studies: tuple[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    text = json.dumps(dict(studies))
    (folder / "test_metadata_view_position.json").write_text(text)
    return prepare_rexgradient(folder, folder / "studies.jsonl", **more)


def _reasons(report: dict[str, Any], word: str = "dropped") -> dict[str, int]:
    found = report["dropped"]["reasons"] if word == "dropped" else report["noted"]
    return {reason: one["count"] for reason, one in found.items()}


def test_a_study_has_its_frontal_image_and_that_of_the_earlier_study(tmp_path: Path) -> None:
    _prepare(tmp_path, _study("B", 20200301), _study("A", 20200101))
    first, second = read_studies(tmp_path / "studies.jsonl", section="findings").studies
    assert ("P1_A", "P1_B") == (first.study_id, second.study_id)
    assert ("P1/B/studies/f.png", "P1/B/studies/l.png") == second.images
    assert ("PA", "LATERAL") == second.image_views
    assert ("P1/A/studies/f.png",) == second.prior_images
    assert "Findings of A." == second.prior_report
    assert ("P1", "test") == (second.subject_id, second.split)
    assert {"indication": "Cough."} == second.context


def test_studies_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    report = _prepare(
        tmp_path,
        _study("A"),
        _study("B", ImagePath=[], ImageViewPosition=[]),
        _study("C", Findings=float("nan")),
        _study("D", "", ImageViewPosition=["PA"]),
    )
    assert {"no_image": 1, "no_findings": 1} == _reasons(report)
    assert {"views_do_not_match": 1, "no_date": 1} == _reasons(report, "noted")
    assert 4 == report["found"]["studies"] == report["kept"]["total"] + 2


def test_images_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    image = tmp_path / "deid_png" / "P1" / "A" / "studies" / "l.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"image")
    report = _prepare(tmp_path, _study("A"), _study("B"), images=tmp_path / "deid_png")
    (study,) = read_studies(tmp_path / "studies.jsonl").studies
    assert ("P1/A/studies/l.png",) == study.images
    assert {"no_image": 1} == _reasons(report)
    assert {"image_file_missing": 1} == _reasons(report, "noted")


def test_a_study_without_a_value_for_its_images_is_counted(tmp_path: Path) -> None:
    report = _prepare(tmp_path, _study("A"), _study("B", ImagePath=float("nan")))
    assert {"no_image": 1} == _reasons(report)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ImagePath": [1]}, "study 'P1_A': a path in ImagePath is a number"),
        ({"ImagePath": ["a\nb"]}, "a path in ImagePath is empty or has characters"),
        ({"Findings": ["Clear."]}, "Findings is a list"),
        ({"Findings": "\ud800"}, "half of a surrogate pair"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises((InputError, MetricsInputError), match=message):
        _prepare(tmp_path, _study("A", **change))


def test_a_study_that_a_file_holds_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_metadata_view_position.json").write_text('{"a": {}, "b": {}, "a": {}}')
    with pytest.raises(MetricsInputError, match="the key 'a' appears twice"):
        prepare_rexgradient(tmp_path, tmp_path / "studies.jsonl")


def test_a_folder_or_file_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no test_metadata_view_position"):
        prepare_rexgradient(tmp_path, tmp_path / "studies.jsonl")
    (tmp_path / "test.json").write_text("[]")
    with pytest.raises(InputError, match="holds a list"):
        prepare_rexgradient(tmp_path / "test.json", tmp_path / "studies.jsonl")
