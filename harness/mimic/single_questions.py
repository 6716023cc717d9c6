"""MIMIC-Ext-MIMIC-CXR-VQA: questions about one image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.datasets.json_list import read_list
from harness.datasets.outcomes import Outcomes, Subject, check_output, write_outcomes
from harness.errors import InputError
from harness.mimic.image_files import image_folder, is_there
from harness.study import Study
from metrics.files.sample_ids import checked_id

SPLITS = ("train", "valid", "test")
_TEXTS = ("question", "semantic_type", "content_type", "image_path")
_NUMBERS = {"study_id": "s", "subject_id": "p"}

MEANINGS = {
    "no_image_file": "the image's file is missing or empty",
    "empty_question": "the question is empty",
    "question_repeated": "a question of this split and number occurs before; the first counts",
}


def prepare_mimic_ext_vqa(
    dataset: Path, output: Path, images: Path | None = None
) -> dict[str, Any]:
    """Write the questions of MIMIC-Ext-MIMIC-CXR-VQA as studies, and return the report.

    No question has a prior image: Libra is shown its dummy, as its authors did. The answer is the
    list of answers joined by ", "; an empty list is an empty text.

    Parameters
    ----------
    dataset
        The folder with ``train.json``, ``valid.json`` and ``test.json``, or one of these files.
    output
        A file ``….jsonl``, or a folder with a file for each split.
    images
        The folder of the images, to leave out questions whose image is not there; None takes all
        as there.

    Raises
    ------
    InputError
        If an input is wrong, or no question is left.
    """
    check_output(output)
    outcomes = Outcomes(MEANINGS)
    folder = None if images is None else image_folder(images)
    studies: list[Study] = []
    seen: set[str] = set()
    n_questions = 0
    for file in _files(dataset):
        records = read_list(file)
        n_questions += len(records)
        studies += _studies(file, records, folder, seen, outcomes)
    kept = Counter(study.tags["semantic_type"] for study in studies)
    facts = {
        "command": "data mimic-ext-vqa",
        "settings": {"dataset": str(dataset), "images": None if folder is None else str(folder)},
        "found": {"questions": n_questions},
        "kept_by_semantic_type": dict(sorted(kept.items())),
    }
    return write_outcomes(output, studies, outcomes, facts)


def _files(dataset: Path) -> list[Path]:
    if not dataset.is_dir():
        return [dataset]
    for folder in (dataset, dataset / "dataset", dataset / "MIMIC-Ext-MIMIC-CXR-VQA" / "dataset"):
        found = [file for name in SPLITS if (file := folder / f"{name}.json").is_file()]
        if found:
            return found
    raise InputError(
        f"{dataset} holds none of {', '.join(f'{name}.json' for name in SPLITS)}. Name the folder "
        "dataset of MIMIC-Ext-MIMIC-CXR-VQA."
    )


def _studies(
    file: Path,
    records: list[dict[str, Any]],
    folder: Path | None,
    seen: set[str],
    outcomes: Outcomes,
) -> Iterator[Study]:
    for number, record in enumerate(records):
        study = _study(record, f"{file}, question {number + 1}", file.stem)
        subject = Subject(
            study.study_id, study.subject_id or "", study.split or "", study.sample_id
        )
        if study.sample_id in seen:
            outcomes.drop("question_repeated", [subject])
        elif not (study.question or "").strip():
            outcomes.drop("empty_question", [subject])
        elif folder and not is_there(folder / study.images[0]):
            outcomes.drop("no_image_file", [subject])
        else:
            yield study
        seen.add(study.sample_id)


def _study(record: Mapping[str, Any], place: str, file_split: str) -> Study:
    for name in ("idx", *_TEXTS, *_NUMBERS, "answer"):
        if name not in record:
            raise InputError(f"{place}: no {name}. Download the file again.")
    split = file_split if record.get("split") is None else record["split"]
    for name, value in {**{name: record[name] for name in _TEXTS}, "split": split}.items():
        if not isinstance(value, str):
            raise InputError(f"{place}: {name} is no text. Download the file again.")
    image = record["image_path"].removeprefix("files/")
    if not image or not image.isprintable():
        raise InputError(f"{place}: image_path is no path. Download the file again.")
    numbers = [str(record[name]).removeprefix(letter) for name, letter in _NUMBERS.items()]
    for name, number in zip(_NUMBERS, numbers, strict=True):
        if not number.isdecimal():
            raise InputError(f"{place}: {name} is no number. Download the file again.")
    study, subject = (
        letter + number for letter, number in zip(_NUMBERS.values(), numbers, strict=True)
    )
    return Study(
        sample_id=checked_id(f"{split}-{record['idx']}", "idx", place),
        study_id=study,
        subject_id=subject,
        images=(image,),
        current_image=image,
        prior_images=(),
        question=record["question"],
        reference={"answer": _answer(record["answer"], place)},
        tags={name: record[name] for name in ("semantic_type", "content_type")},
        split=split,
    )


def _answer(value: object, place: str) -> str:
    answers = [value] if isinstance(value, str) else value
    if not isinstance(answers, list) or not all(isinstance(one, str) for one in answers):
        raise InputError(
            f"{place}: answer is no list of texts. Make the answers with the data set's script "
            "(its generate_answer.py), or download the version that has them."
        )
    return ", ".join(answers)
