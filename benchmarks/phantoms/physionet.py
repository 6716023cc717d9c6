"""Writes phantoms the way PhysioNet lays out MIMIC-CXR, so that its preparation can be tried.

Nothing comes from MIMIC-CXR: the images, reports, ids and dates are drawn from the seed.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.phantoms.errors import InputError
from benchmarks.phantoms.findings import truth
from benchmarks.phantoms.images import draw
from benchmarks.phantoms.patients import Study, generate_patients

_METADATA = (
    *("dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition"),
    *("Rows", "Columns", "StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning"),
    "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
)
_SPLITS = {"train": "train", "valid": "validate", "test": "test"}
_HEADINGS = ("indication", "history", "technique", "comparison")
_FIRST_SUBJECT, _FIRST_STUDY = 10_000_000, 50_000_000
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the first that the format knows


@dataclass(frozen=True)
class PhysioNetFolder:
    """The files that were written, named as PhysioNet names them."""

    reports: Path
    metadata: Path
    splits: Path
    images: Path
    medical_diff_vqa: Path
    mimic_ext_vqa: Path


def write_physionet(
    output: Path, *, seed: int, patients: int, size: int = 96, drawn: bool = True
) -> PhysioNetFolder:
    """Write reports, tables, images and questions of phantoms into an empty folder.

    Without ``drawn`` there are no images.

    Raises
    ------
    InputError
        If the folder holds something.
    """
    if output.exists() and any(output.iterdir()):
        raise InputError(f"{output} is not empty. Name a new folder.")
    output.mkdir(parents=True, exist_ok=True)
    studies = [study for one in generate_patients(seed, patients) for study in one.studies]
    folder = PhysioNetFolder(
        reports=output / "mimic-cxr-reports.zip",
        metadata=output / "mimic-cxr-2.0.0-metadata.csv.gz",
        splits=output / "mimic-cxr-2.0.0-split.csv.gz",
        images=output / "files",
        medical_diff_vqa=output / "mimic_pair_questions.csv",
        mimic_ext_vqa=output / "MIMIC-Ext-MIMIC-CXR-VQA" / "dataset",
    )
    _write_reports(folder.reports, studies)
    _write_table(folder.metadata, _METADATA, (_described(study, size) for study in studies))
    placed = ((*_keys(study), _SPLITS[study.split]) for study in studies)
    _write_table(folder.splits, (*_METADATA[:3], "split"), placed)
    _write_questions(folder, studies)
    if drawn:
        for study in studies:
            _write_image(folder.images / f"{_place(study)}.jpg", study, size)
    return folder


def report_file_text(study: Study) -> str:
    """Return a report with headings and blank lines as MIMIC-CXR's files have them."""
    sections = [(name, study.context.get(name, "")) for name in _HEADINGS]
    sections += [("findings", study.findings), ("impression", study.impression)]
    written = [f" {name.upper()}:  {text}\n" for name, text in sections if text]
    return f"{' ' * 33}FINAL REPORT\n" + " \n".join(written)


def _keys(study: Study) -> tuple[str, int, int]:
    digest = hashlib.sha256(study.study_id.encode()).hexdigest()
    image = "-".join(digest[start : start + 8] for start in range(0, 40, 8))
    return image, _FIRST_SUBJECT + int(study.subject_id[1:]), _FIRST_STUDY + int(study.study_id[1:])


def _described(study: Study, size: int) -> tuple[Any, ...]:
    keys = _keys(study)
    time = f"{8 + keys[2] % 12}{keys[2] % 60:02}{keys[2] % 59:02}.{keys[2] % 8 * 125:03}"
    day = study.day.strftime("%Y%m%d")
    view = study.exposure.view
    return (*keys, "CHEST", view, size, size, day, time, "CHEST", view, "Erect")


def _place(study: Study) -> str:
    image, subject, number = _keys(study)
    return f"p{str(subject)[:2]}/p{subject}/s{number}/{image}"


def _write_reports(path: Path, studies: Sequence[Study]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for study in studies:
            name = f"files/{_place(study).rpartition('/')[0]}.txt"
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), report_file_text(study))


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    content = text.getvalue().encode()
    # no time in the header: equal seeds give equal bytes
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _write_image(path: Path, study: Study, size: int) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw(study, size)).save(path, "JPEG", quality=95)


def _write_questions(folder: PhysioNetFolder, studies: Sequence[Study]) -> None:
    header = ("", "study_id", "subject_id", "ref_id", "question_type", "question", "answer")
    pairs = [
        (*_pair(study, study.prior), *asked, {"valid": "val"}.get(study.split, study.split))
        for study in studies
        if study.prior is not None
        for asked in _questions(study)
    ]
    _write_table(
        folder.medical_diff_vqa,
        (*header, "split"),
        ((number, *pair) for number, pair in enumerate(pairs)),
    )
    folder.mimic_ext_vqa.mkdir(parents=True)
    for split in _SPLITS:
        records = [
            _single(study, number)
            for number, study in enumerate(study for study in studies if study.split == split)
        ]
        text = json.dumps(records, indent=1)
        (folder.mimic_ext_vqa / f"{split}.json").write_text(text, encoding="utf-8")


def _pair(study: Study, prior: Study) -> tuple[int, int, int]:
    _, subject, number = _keys(study)
    return number, subject, _keys(prior)[2]


def _shown(study: Study) -> list[str]:
    return sorted(truth(study.observations))


def _questions(study: Study) -> Iterator[tuple[str, str, str]]:
    prior = _shown(study.prior) if study.prior else []
    new = [name for name in _shown(study) if name not in prior]
    change = f"the main image has additional {', '.join(new)}." if new else "nothing has changed."
    yield "difference", "what has changed compared to the reference image?", change
    yield (
        "abnormality",
        "what abnormalities are seen in this image?",
        ", ".join(_shown(study)) or "none",
    )
    yield "view", "which view is this image taken?", f"{study.exposure.view} view"


def _single(study: Study, number: int) -> dict[str, Any]:
    image, subject, study_number = _keys(study)
    return {
        "split": study.split,
        "idx": number,
        "subject_id": str(subject),
        "study_id": str(study_number),
        "image_id": image,
        "image_path": f"files/{_place(study)}.jpg",
        "question": "What are all abnormalities?",
        "content_type": "abnormality",
        "semantic_type": "query",
        "template": "What are all abnormalities?",
        "template_program": "program_1",
        "template_arguments": {},
        "answer": _shown(study),
    }
