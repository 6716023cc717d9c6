"""Questions about images from file to score, and the published benchmarks without their data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.spec import bundled_benchmarks
from tests.cli.conftest import Run
from tests.cli.workplace import write_lines

QUESTIONS: list[dict[str, Any]] = [
    {
        "sample_id": f"s{study}-q{number}",
        "study_id": f"s{study}",
        "subject_id": f"p{study}",
        "images": [f"{study}.png"],
        "prior_images": [f"{study}-prior.png"],
        "question": question,
        "reference": {"answer": answer},
        "tags": {"question_type": kind},
    }
    for study in range(1, 4)
    for number, (question, answer, kind) in enumerate(
        [
            ("Is there an effusion?", "yes", "presence"),
            ("Is there an edema?", "no", "presence"),
            ("What has changed?", "the effusion is larger", "difference"),
            ("What is there?", "edema, effusion", "abnormality"),
            ("What is there in the left lung?", "", "abnormality"),
        ]
    )
]
ANSWERS = ("Yes, there is.", "yes", "larger effusion", "Effusion, edema.", "")
EXPECTED = {"vqa_exact_match": 0.4, "vqa_closed_accuracy": 0.5, "vqa_token_recall": 5 / 6}
PUBLISHED = [path.stem for path in bundled_benchmarks() if path.stem != "demo"]


def flat(study: dict[str, Any]) -> dict[str, Any]:
    kept = {name: study[name] for name in ("sample_id", "study_id", "subject_id", "question")}
    return {**kept, "answer": study["reference"]["answer"]}


def libra(study: dict[str, Any]) -> dict[str, Any]:
    return {
        "question_id": study["sample_id"],
        "image": [*study["images"], *study["prior_images"]],
        "text": study["question"],
        "answer": study["reference"]["answer"],
    }


@pytest.mark.parametrize("form", [dict, flat, libra])
def test_questions_are_scored_in_every_form_of_their_file(
    form: Any, run: Run, tmp_path: Path
) -> None:
    references = write_lines(tmp_path / "questions.jsonl", map(form, QUESTIONS))
    answers = [
        {"sample_id": study["sample_id"], "prediction": ANSWERS[i % 5]}
        for i, study in enumerate(QUESTIONS)
    ]
    given = write_lines(tmp_path / "mine.jsonl", answers)
    words = ("--section", "answer", "--metrics", "vqa", "--resamples", 0, "--output")
    ended = run(
        *("score", "--references", references, "--predictions", given),
        *(*words, tmp_path / "out", "--json"),
    )
    assert 0 == ended.status, ended.err
    found = json.loads(ended.out)["systems"]["mine"]["metrics"]
    assert pytest.approx(EXPECTED) == {name: one["score"] for name, one in found.items()}


def test_the_baselines_of_a_question_benchmark_run_without_images_and_weights(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_lines(tmp_path / "test.jsonl", QUESTIONS)
    monkeypatch.setenv("MEDICAL_DIFF_VQA", str(questions))
    monkeypatch.delenv("MIMIC_CXR_JPG", raising=False)
    models = ("--model", "always-yes", "--model", "always-no")
    ended = run("run", "medical_diff_vqa", *models, "--output", tmp_path / "out", "--json")
    assert 0 == ended.status, ended.err
    systems = json.loads(ended.out)["systems"]
    assert [0.5, 0.5] == [
        systems[name]["metrics"]["vqa_closed_accuracy"]["score"]
        for name in ("always-yes", "always-no")
    ]
    slices = json.loads((tmp_path / "out" / "run.json").read_text())["spec"]["slices"]
    assert ["question_type", "has_prior"] == slices
    assert "What is there in the left lung?" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_benchmark_without_its_data_ends_with_status_3_and_steps(
    name: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("IU_XRAY", "MIMIC_CXR_STUDIES", "REXRANK_TEST", "MEDICAL_DIFF_VQA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("MIMIC_EXT_VQA", raising=False)
    ended = run("run", name, "--dry-run")
    assert 3 == ended.status
    assert f"{name}.yaml needs data that are not there." in ended.err
    assert "export " in ended.err
    assert "https://" in ended.err


def test_all_bundled_benchmarks_are_listed_with_what_they_ask(run: Run) -> None:
    rows = {
        row["name"]: row["summary"] for row in json.loads(run("list", "benchmarks", "--json").out)
    }
    expected = ["demo", "iu_xray", "medical_diff_vqa", "mimic_ext_vqa", "mimic_findings"]
    assert [*expected, "mimic_impression", "rexrank"] == list(rows)
    assert all(rows.values())
