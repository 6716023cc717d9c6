"""A folder that a verb fills with files of fixed names, and nobody else's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.atomic import write_text
from harness.disk_errors import explained
from harness.errors import InputError


def refuse_taken(folder: Path, own: tuple[str, ...], fresh: bool) -> None:
    """Refuse a folder that holds anything but ``own`` files to be replaced.

    Raises
    ------
    InputError
        If it is no folder, or holds foreign files, or results and ``fresh`` is not set.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder. Choose another --output.")
    held = {path.name for path in folder.iterdir()}
    if held - set(own):
        raise InputError(f"{folder} holds other files. Choose a new folder as --output.")
    if held and not fresh:
        raise InputError(f"{folder} holds results. Replace them with --fresh, or choose another.")


def write_all(folder: Path, contents: Mapping[str, str]) -> None:
    """Write the files in their order, each whole or not at all.

    Raises
    ------
    InputError
        If the system refuses to write.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            write_text(folder / name, text)
