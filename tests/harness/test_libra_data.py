import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.datasets import read_studies, write_studies
from harness.datasets.libra_data import convert_libra
from harness.errors import InputError
from harness.study import Study
from metrics.errors import InputError as MetricsInputError

FINDINGS = "Provide a detailed description of the findings in the radiology image."
WORDS = st.text("abc .", min_size=1, max_size=12).map(str.strip).filter(bool)


def _record(name: str, *turns: str, image: Any = ("a.jpg", "b.jpg")) -> dict[str, Any]:
    speakers = ("human", "gpt")
    return {
        "id": name,
        "image": list(image) if isinstance(image, tuple) else image,
        "conversations": [
            {"from": speakers[place % 2], "value": text} for place, text in enumerate(turns)
        ],
    }


def _studies(folder: Path, *records: dict[str, Any]) -> tuple[dict[str, Any], list[Study]]:
    (folder / "train.json").write_text(json.dumps(records))
    report = convert_libra(folder / "train.json", folder / "studies.jsonl")
    return report, list(read_studies(folder / "studies.jsonl").studies)


def test_a_record_that_asks_for_findings_becomes_a_study_with_its_context(tmp_path: Path) -> None:
    asked = f"<image>\n{FINDINGS} Following clinical context: Indication: Cough, History: Fall."
    _, (study,) = _studies(tmp_path, _record("s1", asked, "Clear."))
    assert None is study.question
    assert {"indication": "Cough", "history": "Fall."} == study.context
    assert {"findings": "Clear."} == study.reference
    assert (("a.jpg",), ("b.jpg",)) == (study.images, study.prior_images)


def test_every_other_question_of_a_record_becomes_a_sample(tmp_path: Path) -> None:
    _, (first, second) = _studies(
        tmp_path, _record("s1", "<image>\nis this PA view?", "yes", "effusion?", "no")
    )
    assert ["s1-q1", "s1-q2"] == [first.sample_id, second.sample_id]
    assert ["is this PA view?", "effusion?"] == [first.question, second.question]
    assert {"answer": "no"} == second.reference


@pytest.mark.parametrize("image", ["a.jpg", ["a.jpg"], ["a.jpg", "a.jpg"]])
def test_the_current_image_given_again_is_no_prior(tmp_path: Path, image: Any) -> None:
    _, (study,) = _studies(tmp_path, _record("s1", FINDINGS, "Clear.", image=image))
    assert False is study.has_prior


def test_records_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    report, _ = _studies(
        tmp_path,
        _record("kept", FINDINGS, "Clear."),
        _record("none", FINDINGS, "Clear.", image=None),
        _record("three", FINDINGS, "Clear.", image=("a", "b", "c")),
        _record("odd", FINDINGS),
        _record("empty", FINDINGS, " "),
    )
    assert {
        "no_image": 1,
        "more_than_two_images": 1,
        "turns_do_not_alternate": 1,
        "empty_answer": 1,
    } == {reason: one["count"] for reason, one in report["dropped"]["reasons"].items()}


def test_the_report_tells_how_many_records_there_were(tmp_path: Path) -> None:
    record = _record("s1", FINDINGS, "Clear.", "effusion?", "no")
    report, studies = _studies(tmp_path, record, _record("s2", FINDINGS, " "))
    assert (2, 2, 1) == (
        report["found"]["records"],
        len(studies),
        report["dropped"]["total"],
    )


def test_questions_of_one_id_are_refused(tmp_path: Path) -> None:
    line = {"question_id": "a", "image": "a.jpg", "text": "Why?", "reference": "x"}
    (tmp_path / "eval.jsonl").write_text(f"{json.dumps(line)}\n{json.dumps(line)}\n")
    with pytest.raises(InputError, match=r"eval.jsonl line 2 .*a sample before it has the same id"):
        convert_libra(tmp_path / "eval.jsonl", tmp_path / "studies.jsonl")


def test_studies_become_records_that_libra_trains_on(tmp_path: Path) -> None:
    studies = [
        Study(
            "s1",
            "s1",
            images=("a.jpg",),
            current_image="a.jpg",
            context={"indication": "Cough."},
            reference={"findings": "Clear."},
        ),
        Study(
            "s2",
            "s2",
            images=("c.jpg",),
            current_image="c.jpg",
            prior_images=("b.jpg",),
            question="is this PA view?",
            reference={"answer": "yes"},
        ),
        Study("s3", "s3", reference={"findings": "Clear."}),
        Study("s4", "s4", current_image="d.jpg", images=("d.jpg",), reference={"findings": ""}),
    ]
    write_studies(tmp_path / "studies.jsonl", studies)
    output = tmp_path / "train.json"
    report = convert_libra(tmp_path / "studies.jsonl", output, "train")
    assert [
        _record(
            "s1",
            f"<image>\n{FINDINGS} Following clinical context: Indication: Cough.",
            "Clear.",
            image=("a.jpg", "a.jpg"),
        ),
        _record("s2", "<image>\nis this PA view?", "yes", image=("c.jpg", "b.jpg")),
    ] == json.loads(output.read_text())
    assert (2, 2) == (report["kept"]["total"], report["dropped"]["total"])
    assert 4 == report["found"]["studies"]


@pytest.mark.parametrize("target", ["train", "questions"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    findings=WORDS,
    context=st.dictionaries(st.sampled_from(["context", "indication", "technique"]), WORDS).map(
        lambda sections: dict(sorted(sections.items()))
    ),
    prior=st.sampled_from([(), ("b.jpg",)]),
)
def test_studies_survive_the_way_to_libras_files_and_back(
    tmp_path: Path, target: Any, findings: str, context: dict[str, str], prior: tuple[str, ...]
) -> None:
    study = Study(
        "s1",
        "s1",
        images=("a.jpg",),
        current_image="a.jpg",
        prior_images=prior,
        context=context,
        reference={"findings": findings},
    )
    write_studies(tmp_path / "studies.jsonl", [study])
    convert_libra(tmp_path / "studies.jsonl", tmp_path / "libra.json", target)
    convert_libra(tmp_path / "libra.json", tmp_path / "again.jsonl")
    assert [study] == list(read_studies(tmp_path / "again.jsonl").studies)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"image": "a"}, "record 1: id is null"),
        ({"id": "a\nb", "image": "a"}, "characters that cannot be printed"),
        ({"id": "a", "image": 1}, "image is no path"),
        ({"id": "a", "image": "a\nb"}, "image is no path"),
        ({"id": "a", "image": "a", "conversations": ["x"]}, "conversations is no list"),
    ],
)
def test_a_wrong_record_is_named(tmp_path: Path, record: dict[str, Any], message: str) -> None:
    with pytest.raises((InputError, MetricsInputError), match=message):
        _studies(tmp_path, record)


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    studies = tmp_path / "studies.jsonl"
    write_studies(studies, [Study("s1", "s1", images=("a",), reference={"findings": "Clear."})])
    (tmp_path / "link.jsonl").symlink_to(studies)
    before = studies.read_bytes()
    for output in (studies, tmp_path / "link.jsonl"):
        with pytest.raises(InputError, match="is the input, which would be lost"):
            convert_libra(studies, output, "questions")
    assert before == studies.read_bytes()


@pytest.mark.parametrize("output", ["train", "."])
def test_records_need_a_file_with_an_ending(tmp_path: Path, output: str) -> None:
    write_studies(tmp_path / "studies.jsonl", [Study("s1", "s1", reference={"findings": "Clear."})])
    with pytest.raises(InputError, match=r"Name a file such as train.json"):
        convert_libra(tmp_path / "studies.jsonl", tmp_path / output, "train")
    assert ["studies.jsonl"] == [file.name for file in tmp_path.iterdir()]


def test_priors_beyond_the_first_are_noted(tmp_path: Path) -> None:
    study = Study(
        "s1",
        "s1",
        images=("a",),
        current_image="a",
        prior_images=("b", "c"),
        reference={"findings": "Clear."},
    )
    write_studies(tmp_path / "studies.jsonl", [study])
    report = convert_libra(tmp_path / "studies.jsonl", tmp_path / "train.json", "train")
    assert 1 == report["noted"]["several_priors"]["count"]


def test_an_unknown_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'train'"):
        convert_libra(tmp_path, tmp_path, "trian")  # type: ignore[arg-type]
