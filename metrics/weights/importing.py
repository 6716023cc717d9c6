"""Put weights that the user downloaded where they belong, after a look at what they are."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from metrics.errors import InputError
from metrics.weights.hashes import hash_path
from metrics.weights.places import weight, weights_folder
from metrics.weights.table import WEIGHTS, Weight

_ARCHIVE_HOLDS = ("config.json", "weights.th")


def import_weights(path: Path, name: str | None = None) -> Path:
    """Copy a file or folder into the weights folder, and return its new place.

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
    if not path.exists():
        raise InputError(f"{path} does not exist.")
    wanted = weight(name) if name else _told_from_name(path)
    check_layout(wanted, path)
    target = weights_folder() / wanted.place
    try:
        _copy(path, target)
    except OSError as error:
        raise InputError(f"{path} cannot be copied to {target}: {error}.") from error
    return target


def check_layout(wanted: Weight, path: Path) -> None:
    """Raise InputError unless the path can be these weights; reads no tensors, runs no code."""
    if wanted.kind == "folder":
        missing = [name for name in wanted.holds if not (path / name).is_file()]
        if not path.is_dir() or missing:
            raise InputError(
                f"{wanted.name} is a folder that holds {', '.join(wanted.holds)}; {path} is not."
            )
    elif wanted.place.endswith(".tar.gz"):
        _check_archive(wanted, path)
    elif not (path.is_file() and zipfile.is_zipfile(path)):
        raise InputError(
            f"{path} is not a checkpoint that torch saved (a zip file of tensors). "
            f"{wanted.name} is {wanted.page}, file {wanted.file}."
        )
    if wanted.sha256 is not None and hash_path(path) != wanted.sha256:
        raise InputError(
            f"{path} is not the official {wanted.name}: its SHA-256 is {hash_path(path)}, not "
            f"{wanted.sha256}. Download it again with `{wanted.download}`."
        )


def _check_archive(wanted: Weight, path: Path) -> None:
    if path.is_dir():
        names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
    else:
        try:
            with tarfile.open(path, "r:gz") as archive:
                names = [member.name.removeprefix("./") for member in archive]
        except (tarfile.TarError, OSError, EOFError) as error:
            raise InputError(f"{path} is not a gzip archive that can be read: {error}.") from error
    missing = [name for name in _ARCHIVE_HOLDS if name not in names]
    if missing:
        raise InputError(
            f"{path} is not an archive of {wanted.name}: it holds no {' and no '.join(missing)}."
        )


def _told_from_name(path: Path) -> Weight:
    for wanted in WEIGHTS.values():
        if path.name in (wanted.place, wanted.file, wanted.hub.rpartition("/")[2]):
            return wanted
    raise InputError(
        f"{path.name} is not the name of a known weight file. Say which it is with --as: "
        f"{', '.join(WEIGHTS)}."
    )


def _copy(path: Path, target: Path) -> None:
    """Copy beside the target first, so that a crash leaves no half of it under its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        copied = Path(folder) / target.name
        if path.is_dir():
            shutil.copytree(path, copied)
        else:
            shutil.copyfile(path, copied)
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(copied, target)
