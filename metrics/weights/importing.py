"""Put weights that the user downloaded where they belong, after a look at what they are."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from metrics.errors import InputError
from metrics.weights.checking import check
from metrics.weights.layouts import files
from metrics.weights.needs import absent_packages
from metrics.weights.places import weight, weights_folder
from metrics.weights.table import WEIGHTS, Weight
from metrics.weights.verifying import load_with, sources_of


def import_weights(path: Path, name: str | None = None) -> tuple[Weight, Path]:
    """Copy a file or folder into the weights folder; return what it is and its new place.

    It is read first as scoring will read it, with the other weights that it belongs to where
    they are here; what does not load is not copied.

    Parameters
    ----------
    path
        What was downloaded.
    name
        Which weights these are; told from the file's name if None.

    Raises
    ------
    InputError
        If it is not there, cannot be told, is not what its name says, or cannot be copied.
    """
    if not (path.is_file() or path.is_dir()):
        raise InputError(f"{path} is no file or folder. Give what was downloaded.")
    wanted = weight(name) if name else _told_from_name(path)
    check(wanted, path)
    if not absent_packages():
        for annotator in sources_of(wanted.name):
            load_with(annotator, {wanted.name: path})
    target = weights_folder() / wanted.place
    if target.exists() and target.samefile(path):
        return wanted, target
    try:
        _copy(wanted, path, target)
    except OSError as error:
        raise InputError(
            f"{path} cannot be copied to {target}: {error.strerror or error}. Mend this, or name "
            "another folder with the environment variable CXR_HARNESS_WEIGHTS."
        ) from error
    return wanted, target


def _told_from_name(path: Path) -> Weight:
    name = path.resolve().name
    for wanted in WEIGHTS.values():
        if name in (wanted.name, wanted.place, wanted.file, wanted.hub.rpartition("/")[2]):
            return wanted
    raise InputError(
        f"{path.name} is not the name of a known weight file. Say which it is with --as: "
        f"{', '.join(WEIGHTS)}."
    )


def _copy(wanted: Weight, path: Path, target: Path) -> None:
    """Copy beside the target first, so that a crash leaves no half of it under its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".import-") as folder:
        copied = Path(folder) / "new"
        if path.is_dir():
            for file in files(wanted, path):
                place = copied / file.relative_to(path)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
        else:
            shutil.copyfile(path, copied)
        if target.is_dir() or (target.exists() and copied.is_dir()):
            # the system replaces neither a folder nor by one in a single step
            os.replace(target, Path(folder) / "old")
        os.replace(copied, target)
