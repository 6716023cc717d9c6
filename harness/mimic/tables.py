"""Join the tables of MIMIC-CXR: its images with their views, dates and official splits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.datasets.outcomes import Outcomes, Subject
from harness.datasets.raw_tables import read_table
from harness.errors import InputError
from harness.mimic.ids import check_names, prefixed

if TYPE_CHECKING:
    import pandas as pd

_KEYS = ("dicom_id", "subject_id", "study_id")
METADATA = (*_KEYS, "ViewPosition", "StudyDate", "StudyTime")
SPLITS = (*_KEYS, "split")
_RANGES = {"StudyDate": (10_000_000.0, 100_000_000.0), "StudyTime": (0.0, 1_000_000.0)}
"""From the least number that can be one to the first that no longer can."""

MEANINGS = {
    "study_of_two_subjects": "the tables give the study to two patients",
    "study_in_two_splits": "the splits table puts the study into two splits",
    "study_not_in_splits": "the study is in the metadata, but in no split",
    "study_not_in_metadata": "the study is in a split, but the metadata have no image of it",
    "study_contradicted": "the tables do not agree on any image of the study",
    "image_row_repeated": "the image has several rows in one table; the first counts",
    "image_not_in_splits": "the image is in the metadata, but not in the splits table",
    "image_not_in_metadata": "the image is in the splits table, but not in the metadata",
    "image_contradicted": "the tables give the image to different studies or patients; left out",
    "subject_in_two_splits": "the patient has studies in two splits; no prior crosses them",
    "no_date": "the study has an image without a date, which has no prior and is none",
}


def read_images(metadata: Path, splits: Path, outcomes: Outcomes) -> pd.DataFrame:
    """Return one row per image that can be used, in the order of the metadata.

    Columns: ``dicom_id``, ``subject_id``, ``study_id``, ``ViewPosition``, ``StudyDate`` and
    ``StudyTime`` (numbers, NaN if missing) and ``split``. Studies and images that the tables do not
    agree on go to ``outcomes``.

    Raises
    ------
    InputError
        If a table cannot be read, or a cell cannot be what its column says.
    """
    described, placed = _read(metadata, METADATA), _read(splits, SPLITS)
    for table in (described, placed):
        repeated = table[table.duplicated("dicom_id")]
        outcomes.note("image_row_repeated", subjects_of(repeated, with_images=True))
    images = _joined(described, placed)
    refused = _refused_studies(images, placed)
    for reason, studies in refused.items():
        rows = images[images["study_id"].isin(studies)].drop_duplicates("study_id")
        outcomes.drop(reason, subjects_of(rows))
    images = images[~images["study_id"].isin(set().union(*refused.values()))]
    for reason in ("image_not_in_splits", "image_not_in_metadata", "image_contradicted"):
        rows = images[images["state"] == reason]
        outcomes.note(reason, subjects_of(rows, with_images=True))
    usable = images[images["state"] == "usable"].drop(columns="state").reset_index(drop=True)
    if usable.empty:
        raise InputError(
            f"{metadata} and {splits} have no image in common that can be used. Name the tables "
            "of one release of MIMIC-CXR-JPG."
        )
    _note_oddities(usable, outcomes)
    return usable


def subjects_of(images: pd.DataFrame, *, with_images: bool = False) -> list[Subject]:
    """Return what outcomes are about, one for each row; ``split`` is empty where it is unknown."""
    names = images["dicom_id"] if with_images else [""] * len(images)
    splits = images["split"] if "split" in images else [""] * len(images)
    rows = zip(images["study_id"], images["subject_id"], splits, names, strict=True)
    return [Subject(*row) for row in rows]


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    table = read_table(path, columns)
    table = table.assign(
        subject_id=prefixed(table["subject_id"], "p", path),
        study_id=prefixed(table["study_id"], "s", path),
    )
    for name in ("dicom_id", "split"):
        if name in columns:
            check_names(table[name], path)
    for name, (least, below) in _RANGES.items():
        if name in columns:
            table[name] = _numbers(table[name], path, least, below)
    return table


def _numbers(column: pd.Series, path: Path, least: float, below: float) -> pd.Series:
    import pandas as pd

    numbers = pd.to_numeric(column.where(column != ""), errors="coerce").astype("float64")
    wrong = (~numbers.between(least, below, "left") & (column != "")).to_numpy(dtype=bool)
    if wrong.any():
        raise InputError(
            f"{path} line {int(wrong.argmax()) + 2}: {column.name} is no number as of a date "
            "(21800506) or a time (213014.531). Mend the line, or leave the cell empty."
        )
    return numbers


def _joined(described: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """Return all images of both tables; ``state`` says which can be used, or why not."""
    import numpy as np
    import pandas as pd

    described, placed = (t.drop_duplicates("dicom_id") for t in (described, placed))
    both = described.merge(placed, on="dicom_id", how="left", suffixes=("", "_placed"))
    in_splits = both["split"].notna()
    agree = (both["subject_id"] == both["subject_id_placed"]) & (
        both["study_id"] == both["study_id_placed"]
    )
    both["state"] = np.select(
        [~in_splits, ~agree], ["image_not_in_splits", "image_contradicted"], "usable"
    )
    alone = placed[~placed["dicom_id"].isin(described["dicom_id"])]
    columns = [*METADATA, "split", "state"]
    both = pd.concat([both, alone.assign(state="image_not_in_metadata")], ignore_index=True)
    return both[columns].assign(split=both["split"].fillna(""))


def _refused_studies(images: pd.DataFrame, placed: pd.DataFrame) -> dict[str, set[str]]:
    """Return the studies that cannot be used, each under the first reason that holds."""
    subjects = images.drop_duplicates(["study_id", "subject_id"])["study_id"]
    splits = placed.drop_duplicates(["study_id", "split"])["study_id"]
    unusable = set(images["study_id"]) - set(images["study_id"][images["state"] == "usable"])
    alone = {
        reason: unusable - set(images["study_id"][images["state"] != reason])
        for reason in ("image_not_in_splits", "image_not_in_metadata")
    }
    found = {
        "study_of_two_subjects": set(subjects[subjects.duplicated()]),
        "study_in_two_splits": set(splits[splits.duplicated()]),
        "study_not_in_splits": alone["image_not_in_splits"],
        "study_not_in_metadata": alone["image_not_in_metadata"],
        "study_contradicted": unusable,
    }
    seen: set[str] = set()
    for reason, studies in found.items():
        found[reason] = studies - seen
        seen |= studies
    return found


def _note_oddities(images: pd.DataFrame, outcomes: Outcomes) -> None:
    pairs = images.drop_duplicates(["subject_id", "split"])["subject_id"]
    twice = sorted(set(pairs[pairs.duplicated()]))
    outcomes.note("subject_in_two_splits", (Subject("", subject) for subject in twice))
    undated = images[images["StudyDate"].isna()]
    outcomes.note("no_date", subjects_of(undated.drop_duplicates("study_id")))
