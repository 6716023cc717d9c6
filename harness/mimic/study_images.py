"""Find the image that stands for a study where a question names the study alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.datasets.raw_tables import read_table
from harness.mimic.current_images import current_images
from harness.mimic.ids import check_names, prefixed
from harness.mimic.image_files import image_folder, image_paths

_COLUMNS = ("dicom_id", "subject_id", "study_id", "ViewPosition")


@dataclass(frozen=True, slots=True)
class StudyImage:
    """The current image of a study: its path below the image folder, its view, its patient."""

    path: str
    view: str
    subject_id: str


def study_images(metadata: Path, images: Path | None) -> dict[str, StudyImage]:
    """Return the current image of every study of the metadata that has one.

    The image is chosen as for ``data mimic-cxr``: PA, AP, then the other views, then by name. With
    the folder of the images, those that are not there are passed over.

    Raises
    ------
    InputError
        If the table or the folder cannot be used.
    """
    frame = read_table(metadata, _COLUMNS)
    check_names(frame["dicom_id"], metadata)
    frame = frame.drop_duplicates("dicom_id")
    frame = frame.assign(
        subject_id=prefixed(frame["subject_id"], "p", metadata),
        study_id=prefixed(frame["study_id"], "s", metadata),
    )
    folder = None if images is None else image_folder(images)
    frame = frame.assign(image=image_paths(frame, folder))
    frame = frame[frame["image"].notna()].reset_index(drop=True)
    current = current_images(frame, "all")
    columns = (current[name] for name in ("study_id", "image", "ViewPosition", "subject_id"))
    return {
        study: StudyImage(image, view, subject)
        for study, image, view, subject in zip(*columns, strict=True)
    }
