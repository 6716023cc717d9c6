import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.phantoms.physionet import PhysioNetFolder, write_physionet
from harness.datasets import read_studies
from harness.errors import InputError
from harness.mimic.difference_questions import prepare_medical_diff_vqa
from harness.mimic.single_questions import prepare_mimic_ext_vqa

QUESTION = {
    "split": "test",
    "idx": 0,
    "subject_id": "10000001",
    "study_id": "50000001",
    "image_id": "a",
    "image_path": "files/p10/p10000001/s50000001/a.jpg",
    "question": "What are all abnormalities?",
    "semantic_type": "query",
    "content_type": "abnormality",
    "answer": ["edema", "nodule"],
}
HEADER = ",study_id,subject_id,ref_id,question_type,question,answer,split\n"
METADATA = (
    "dicom_id,subject_id,study_id,ViewPosition\n"
    "a,10000001,50000001,PA\nb,10000001,50000002,AP\nl,10000001,50000002,LATERAL\n"
    "c,10000002,50000003,PA\n"
)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> PhysioNetFolder:
    folder = tmp_path_factory.mktemp("physionet")
    return write_physionet(folder, seed=0, patients=12, drawn=False)


def _reasons(report: dict[str, Any]) -> dict[str, int]:
    return {reason: one["count"] for reason, one in report["dropped"]["reasons"].items()}


def test_questions_about_pairs_have_the_main_image_and_the_reference_as_prior(
    tmp_path: Path,
) -> None:
    (tmp_path / "metadata.csv").write_text(METADATA)
    (tmp_path / "pairs.csv").write_text(
        HEADER
        + "0,50000002,10000001,50000001,difference,what has changed?,nothing has changed.,test\n"
        + "1,50000002,10000001,50000001,view,which view?,AP view,test\n"
    )
    output = tmp_path / "studies.jsonl"
    report = prepare_medical_diff_vqa(tmp_path / "pairs.csv", tmp_path / "metadata.csv", output)
    first, second = read_studies(output, section="answer", split="test").studies
    assert ["s50000002-q1", "s50000002-q2"] == [first.sample_id, second.sample_id]
    assert ("p10/p10000001/s50000002/b.jpg",) == first.images
    assert ("p10/p10000001/s50000001/a.jpg",) == second.prior_images
    assert "nothing has changed." == first.reference["answer"]
    assert {"question_type": "view", "view": "AP"} == second.tags
    assert {"difference": 1, "view": 1} == report["kept_by_question_type"]


def test_questions_about_pairs_that_cannot_be_asked_are_counted(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text(METADATA)
    (tmp_path / "pairs.csv").write_text(
        HEADER
        + "0,50000009,10000001,50000001,view,which view?,AP view,test\n"
        + "1,50000002,10000001,50000009,view,which view?,AP view,test\n"
        + "2,50000002,10000001,50000003,view,which view?,AP view,test\n"
        + "3,50000002,10000001,50000001,view,,AP view,test\n"
        + "4,50000002,10000001,50000001,view,which view?,,test\n"
        + "5,50000002,10000001,50000001,view,which view?,AP view,test\n"
        + "6,50000002,10000001,50000001,view,which view?,AP view,test\n"
        + "7,50000002,10000001,50000002,view,which view?,AP view,test\n"
    )
    report = prepare_medical_diff_vqa(
        tmp_path / "pairs.csv", tmp_path / "metadata.csv", tmp_path / "studies.jsonl"
    )
    assert {
        "no_main_image": 1,
        "no_reference_image": 1,
        "reference_is_main": 1,
        "subject_contradicted": 1,
        "empty_question": 1,
        "empty_answer": 1,
    } == _reasons(report)
    assert 1 == report["noted"]["question_repeated"]["count"]
    assert 8 == report["found"]["questions"] == report["kept"]["total"] + 6


def test_a_cut_off_line_of_questions_is_named(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text(METADATA)
    (tmp_path / "pairs.csv").write_text(HEADER + "0,50000002,10000001,50000001,view,which")
    with pytest.raises(InputError, match=r"pairs.csv line 2: split is empty"):
        prepare_medical_diff_vqa(
            tmp_path / "pairs.csv", tmp_path / "metadata.csv", tmp_path / "studies.jsonl"
        )


def test_questions_about_one_image_have_no_prior(tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text(
        json.dumps([QUESTION, {**QUESTION, "idx": 1, "answer": []}])
    )
    prepare_mimic_ext_vqa(tmp_path, tmp_path / "studies.jsonl")
    first, second = read_studies(tmp_path / "studies.jsonl", section="answer").studies
    assert ("s50000001", "p10000001", "test-0") == (
        first.study_id,
        first.subject_id,
        first.sample_id,
    )
    assert ("p10/p10000001/s50000001/a.jpg",) == first.images
    assert False is first.has_prior
    assert ["edema, nodule", ""] == [one.reference["answer"] for one in (first, second)]
    assert {"semantic_type": "query", "content_type": "abnormality"} == first.tags


def test_questions_about_one_image_that_cannot_be_asked_are_counted(tmp_path: Path) -> None:
    image = tmp_path / "files" / "p10/p10000001/s50000001/a.jpg"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"image")
    records = [
        QUESTION,
        QUESTION,
        {**QUESTION, "idx": 1, "question": " "},
        {**QUESTION, "idx": 2, "image_path": "files/p10/p10000001/s50000001/b.jpg"},
    ]
    (tmp_path / "test.json").write_text(json.dumps(records))
    report = prepare_mimic_ext_vqa(tmp_path / "test.json", tmp_path / "studies.jsonl", tmp_path)
    assert {"question_repeated": 1, "empty_question": 1, "no_image_file": 1} == _reasons(report)
    assert 1 == report["kept"]["total"]


def test_the_first_of_two_questions_of_one_number_counts_even_over_files(tmp_path: Path) -> None:
    for name, answer in (("train", "a"), ("valid", "b")):
        records = [{**QUESTION, "answer": answer}, {**QUESTION, "split": None}]
        (tmp_path / f"{name}.json").write_text(json.dumps(records))
    report = prepare_mimic_ext_vqa(tmp_path, tmp_path / "studies.jsonl")
    assert {"question_repeated": 1} == _reasons(report)
    studies = read_studies(tmp_path / "studies.jsonl", section="answer").studies
    assert ["test-0", "train-0", "valid-0"] == [one.sample_id for one in studies]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": None}, "answer is no list of texts"),
        ({"question": 1}, "question is no text"),
        ({"study_id": None}, "study_id is no number"),
        ({"image_path": ""}, "image_path is no path"),
        ({"split": 1}, "split is no text"),
    ],
)
def test_a_wrong_question_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    (tmp_path / "test.json").write_text(json.dumps([QUESTION | change]))
    with pytest.raises(InputError, match=f"question 1: {message}"):
        prepare_mimic_ext_vqa(tmp_path, tmp_path / "studies.jsonl")


def test_a_folder_without_the_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of train.json"):
        prepare_mimic_ext_vqa(tmp_path, tmp_path / "studies.jsonl")


def test_the_phantoms_questions_are_all_kept(phantoms: PhysioNetFolder, tmp_path: Path) -> None:
    pairs = prepare_medical_diff_vqa(
        phantoms.medical_diff_vqa, phantoms.metadata, tmp_path / "pairs"
    )
    single = prepare_mimic_ext_vqa(phantoms.mimic_ext_vqa, tmp_path / "single")
    for report, splits in ((pairs, ["test", "train", "val"]), (single, ["test", "train", "valid"])):
        assert 0 == report["dropped"]["total"]
        assert splits == list(report["kept"]["by_split"])
    assert pairs["kept"]["total"] == pairs["kept"]["with_prior"]
