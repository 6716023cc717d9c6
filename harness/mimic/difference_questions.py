"""Medical-Diff-VQA: questions about a study and an earlier one of the same patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.datasets.outcomes import Outcomes, Subject, check_output, write_outcomes
from harness.datasets.raw_tables import read_table
from harness.mimic.ids import check_names, prefixed
from harness.mimic.study_images import StudyImage, study_images
from harness.study import Study

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("study_id", "subject_id", "ref_id", "question_type", "question", "answer", "split")

MEANINGS = {
    "no_main_image": "the metadata have no image of the main study, or its file is not there",
    "no_reference_image": "the metadata have no image of the reference study, or not its file",
    "reference_is_main": "the question compares the study with itself",
    "subject_contradicted": "the metadata give the main or the reference study to another patient",
    "empty_question": "the question is empty",
    "empty_answer": "the answer is empty",
    "question_repeated": "the same question about the same pair occurs before; both are kept",
}


def prepare_medical_diff_vqa(
    questions: Path, metadata: Path, output: Path, images: Path | None = None
) -> dict[str, Any]:
    """Write the questions of Medical-Diff-VQA as studies, and return the report.

    The main study's image is the current one and the reference study's the prior, for questions
    of every type, as Libra's authors did.

    Parameters
    ----------
    questions
        ``mimic_pair_questions.csv``.
    metadata
        ``mimic-cxr-2.0.0-metadata.csv.gz``, which tells the images of a study.
    output
        A file ``….jsonl``, or a folder with a file for each split.
    images
        The folder of the images; None takes all as there.

    Raises
    ------
    InputError
        If an input is wrong, or no question is left.
    """
    check_output(output)
    table = read_table(questions, COLUMNS)
    for name, letter in (("subject_id", "p"), ("study_id", "s"), ("ref_id", "s")):
        table[name] = prefixed(table[name], letter, questions)
    check_names(table["split"], questions)
    outcomes = Outcomes(MEANINGS)
    studies = list(_studies(table, study_images(metadata, images), outcomes))
    facts = {
        "command": "data medical-diff-vqa",
        "settings": {
            "questions": str(questions),
            "metadata": str(metadata),
            "images": None if images is None else str(images),
        },
        "found": {"questions": len(table)},
        "kept_by_question_type": dict(
            sorted(Counter(study.tags["question_type"] for study in studies).items())
        ),
    }
    return write_outcomes(output, studies, outcomes, facts)


def _studies(
    table: pd.DataFrame, images: dict[str, StudyImage], outcomes: Outcomes
) -> Iterator[Study]:
    asked: Counter[str] = Counter()
    seen: set[tuple[str, str, str]] = set()
    for row in table.to_dict("records"):
        study, reference = str(row["study_id"]), str(row["ref_id"])
        asked[study] += 1
        sample = f"{study}-q{asked[study]}"
        subject = Subject(study, str(row["subject_id"]), str(row["split"]), sample)
        current, prior = images.get(study), images.get(reference)
        reason = _fault(row, current, prior)
        if reason or current is None or prior is None:
            outcomes.drop(reason, [subject])
            continue
        key = (study, reference, str(row["question"]))
        if key in seen:
            outcomes.note("question_repeated", [subject])
        seen.add(key)
        yield Study(
            sample_id=sample,
            study_id=study,
            subject_id=subject.subject_id,
            images=(current.path,),
            image_views=(current.view,),
            current_image=current.path,
            prior_images=(prior.path,),
            prior_study_id=reference,
            question=str(row["question"]),
            reference={"answer": str(row["answer"])},
            tags={"question_type": str(row["question_type"]), "view": current.view or "unknown"},
            split=subject.split,
        )


def _fault(row: dict[Any, Any], current: StudyImage | None, prior: StudyImage | None) -> str:
    if row["study_id"] == row["ref_id"]:
        return "reference_is_main"
    if current is None:
        return "no_main_image"
    if prior is None:
        return "no_reference_image"
    if {current.subject_id, prior.subject_id} != {row["subject_id"]}:
        return "subject_contradicted"
    if not str(row["question"]).strip():
        return "empty_question"
    return "" if str(row["answer"]).strip() else "empty_answer"
