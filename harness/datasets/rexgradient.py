"""ReXGradient-160K: its metadata, one JSON object by study for each split, to studies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.datasets.fields import name_in, paths_in, text_in
from harness.datasets.outcomes import Outcomes, Subject, check_output, write_outcomes
from harness.datasets.source import Place
from harness.errors import InputError
from harness.mimic.current_images import current_images
from harness.mimic.image_files import is_there
from harness.mimic.priors import pair_priors
from harness.study import Study
from metrics.files.jsonl import kind_of, parse
from metrics.files.sample_ids import checked_id
from metrics.files.text_lines import opened

if TYPE_CHECKING:
    import pandas as pd

_SPLITS = ("train", "valid", "test")
_ENDING = "_metadata_view_position.json"
_ROOT = "deid_png/"
_CONTEXT = {"indication": "Indication", "comparison": "Comparison"}
_REPORT = {"findings": "Findings", "impression": "Impression"}
_TEXTS = (*_CONTEXT.values(), *_REPORT.values())
_VIEWS = {"POSTERO_ANTERIOR": "PA", "ANTERO_POSTERIOR": "AP", "UNKNOWN": "", "N/A": "", "NONE": ""}

MEANINGS = {
    "no_image": "the study names no image, or the file of each is missing or empty",
    "no_findings": "the report has no findings, or they are empty",
    "image_file_missing": "the image's file is missing or empty; the image is left out",
    "views_do_not_match": "there are not as many views as images; all count as unknown",
    "no_date": "the study has no date that can be read: it has no prior and is none",
    "study_repeated": "a study of this id occurs in a split before; the first counts",
}


def prepare_rexgradient(metadata: Path, output: Path, images: Path | None = None) -> dict[str, Any]:
    """Write the studies of ReXGradient-160K, and return the report of what was kept and dropped.

    The current image is chosen as for MIMIC-CXR; the prior is that of ``pair_priors``'s ``strict``,
    by date alone, as the data set gives no times. Image paths start at its folder ``deid_png``.

    Parameters
    ----------
    metadata
        The folder with ``test_metadata_view_position.json`` and those of the other splits, or one
        of these files.
    output
        A file ``….jsonl``, or a folder with a file for each split.
    images
        The folder ``deid_png``, to leave out images that are not there; None takes all as there.

    Raises
    ------
    InputError
        If an input is wrong, or no study is left.
    """
    check_output(output)
    if images is not None and not images.is_dir():
        raise InputError(f"There is no folder {images}. Name the folder deid_png.")
    outcomes = Outcomes(MEANINGS)
    records: dict[str, tuple[str, Mapping[str, Any]]] = {}
    n_studies = 0
    for split, file in _files(metadata).items():
        for study, record in _entries(file):
            n_studies += 1
            if study in records:
                outcomes.drop("study_repeated", [Subject(study, split=split)])
            else:
                records[study] = (split, record)
    frame = _frame(records, images, outcomes)
    studies = list(_studies(frame, records, outcomes)) if len(frame) else []
    facts = {
        "command": "data rexgradient",
        "settings": {"metadata": str(metadata), "images": None if images is None else str(images)},
        "found": {"studies": n_studies},
    }
    return write_outcomes(output, studies, outcomes, facts)


def _files(metadata: Path) -> dict[str, Path]:
    if not metadata.is_dir():
        return {metadata.name.partition("_")[0]: metadata}
    found = {
        split: file
        for split in _SPLITS
        for folder in (metadata / "metadata", metadata)
        if (file := folder / f"{split}{_ENDING}").is_file()
    }
    if not found:
        raise InputError(
            f"{metadata} holds no {_SPLITS[-1]}{_ENDING}, nor that of another split. Name the "
            "folder metadata of ReXGradient-160K."
        )
    return found


def _entries(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with opened(file) as reader:
        content = reader.read()
    try:
        # its files write a missing value as NaN, which strict JSON does not know
        document = parse(content.decode("utf-8-sig"), file, nan_is_null=True)
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not in UTF-8. Save it as UTF-8.") from error
    if not isinstance(document, dict):
        raise InputError(f"{file} holds {kind_of(document)}. Name a file with studies by id.")
    for name, record in document.items():
        place = Place(str(file), key=name)
        if not isinstance(record, dict):
            raise InputError(f"{place}: {kind_of(record)}, not an object. Mend it.")
        yield checked_id(name, "its id", str(place)), _checked(record, place)


def _checked(record: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return the fields of a study that are read, each of its kind."""
    return {
        "PatientID": name_in(record, "PatientID", place),
        "StudyDate": record.get("StudyDate"),
        "ImagePath": paths_in(record, "ImagePath", place) or (),
        "ImageViewPosition": record.get("ImageViewPosition"),
        **{name: text_in(record, name, place) for name in _TEXTS},
    }


def _frame(
    records: Mapping[str, tuple[str, Mapping[str, Any]]], images: Path | None, outcomes: Outcomes
) -> pd.DataFrame:
    """Return one row per image that is there."""
    import pandas as pd

    rows = []
    for study, (split, record) in records.items():
        subject = Subject(study, _subject(study, record), split)
        paths = [path.rpartition(_ROOT)[2] for path in record["ImagePath"]]
        there = [path for path in paths if images is None or is_there(images / path)]
        if not there:
            outcomes.drop("no_image", [subject])
            continue
        views = record["ImageViewPosition"] or []
        if not isinstance(views, list) or len(views) != len(paths):
            outcomes.note("views_do_not_match", [subject])
            views = [None] * len(paths)
        if math.isnan(date := _date(record)):
            outcomes.note("no_date", [subject])
        known = zip(paths, views, strict=True)
        for path, view in known:
            if path in there:
                rows.append((study, subject.subject_id, split, date, path, _view(view)))
            else:
                missing = Subject(study, subject.subject_id, split, path)
                outcomes.note("image_file_missing", [missing])
    columns = ["study_id", "subject_id", "split", "StudyDate", "image", "ViewPosition"]
    return pd.DataFrame(rows, columns=columns).assign(StudyTime=math.nan)


def _studies(
    frame: pd.DataFrame,
    records: Mapping[str, tuple[str, Mapping[str, Any]]],
    outcomes: Outcomes,
) -> Iterator[Study]:
    import pandas as pd

    splits = frame.groupby("split", sort=False)
    priors: pd.Series = pd.concat([pair_priors(part, "strict") for _, part in splits])
    frame = frame.assign(prior=priors.reindex(frame.index))
    study_of = dict(zip(frame["image"], frame["study_id"], strict=True))
    for row in current_images(frame, "all").to_dict("records"):
        study, prior = str(row["study_id"]), row["prior"]
        record = records[study][1]
        report = _texts(record, _REPORT)
        if "findings" not in report:
            outcomes.drop("no_findings", [Subject(study, row["subject_id"], row["split"])])
            continue
        prior_study = None if prior is None else study_of[prior]
        earlier = records[prior_study][1] if prior_study else {}
        yield Study(
            sample_id=study,
            study_id=study,
            subject_id=row["subject_id"],
            images=row["images"],
            image_views=row["views"],
            current_image=row["image"],
            prior_images=() if prior is None else (prior,),
            context=_texts(record, _CONTEXT),
            reference=report,
            tags={"view": row["ViewPosition"] or "unknown"},
            prior_study_id=prior_study,
            prior_report=_texts(earlier, _REPORT).get("findings"),
            split=row["split"],
        )


def _subject(study: str, record: Mapping[str, Any]) -> str:
    return str(record["PatientID"] or study.partition("_")[0])


def _date(record: Mapping[str, Any]) -> float:
    try:
        return float(record["StudyDate"] or math.nan)
    except (TypeError, ValueError):
        return math.nan


def _view(view: object) -> str:
    name = str(view or "").strip().upper()
    return _VIEWS.get(name, name)


def _texts(record: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Return the sections that are there; the data set writes some missing ones as ``None``."""
    found = {ours: str(record.get(theirs) or "").strip() for ours, theirs in names.items()}
    return {name: text for name, text in found.items() if text and text.lower() != "none"}
