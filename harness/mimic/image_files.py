"""Where the images of MIMIC-CXR lie below their folder, as JPG or DICOM, and which are there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.mimic.ids import folder_of

if TYPE_CHECKING:
    import pandas as pd

MEANINGS = {
    "image_file_missing": "the image's file is missing or empty; the image is left out",
    "no_image_file": "the file of every image of the study is missing or empty",
}
_ENDINGS = (".jpg", ".dcm")


def image_folder(folder: Path) -> Path:
    """Return the folder that image paths start at: ``files`` of a download, or the one given.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}. Name the one that holds files/p10, p11, ….")
    return folder / "files" if (folder / "files").is_dir() else folder


def image_paths(images: pd.DataFrame, folder: Path | None) -> pd.Series:
    """Return each image's path below the folder; None where its file is missing or empty.

    Without a folder every image counts as there, as JPG. In the folder, an image may be a JPG or a
    DICOM file.

    Raises
    ------
    InputError
        If the folder has none of the images.
    """
    import pandas as pd

    stems = folder_of(images["subject_id"], images["study_id"]) + "/" + images["dicom_id"]
    if folder is None:
        return stems.astype(object) + _ENDINGS[0]
    found = [_existing(folder, stem) for stem in stems]
    if not any(found):
        raise InputError(
            f"{folder} holds none of the images, such as "
            f"{next(iter(stems), 'p10/p10000032/s50414267/…')}{_ENDINGS[0]} or {_ENDINGS[1]}. Name "
            "the folder that holds p10, p11, …, or leave it out to write paths without a check."
        )
    return pd.Series(found, index=images.index, dtype=object)


def is_there(file: Path | str) -> bool:
    """Whether there is a file that is not empty."""
    try:
        return os.stat(file).st_size > 0
    except OSError:
        return False


def _existing(folder: Path, stem: str) -> str | None:
    return next(
        (stem + ending for ending in _ENDINGS if is_there(f"{folder}/{stem}{ending}")), None
    )
