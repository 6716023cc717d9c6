"""Ids of MIMIC-CXR as studies files write them: patient ``p10000032``, study ``s50414267``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def prefixed(numbers: pd.Series, letter: str, path: Path) -> pd.Series:
    """Return the ids of a column with their letter; ``p`` or ``s`` may be there already.

    Raises
    ------
    InputError
        If an id is no number; the message names the file and the line.
    """
    bare = numbers.str.strip().str.removeprefix(letter)
    wrong = ~bare.str.fullmatch(r"\d+").to_numpy(dtype=bool)
    if wrong.any():
        # the header is line 1
        line = int(wrong.argmax()) + 2
        raise InputError(
            f"{path} line {line}: {numbers.name} is no number. Mend the line or leave it out."
        )
    return letter + bare


def check_names(names: pd.Series, path: Path) -> None:
    """Refuse an image or a split that cannot be the name of a file, as where a line is cut off.

    Raises
    ------
    InputError
        If one is empty or holds anything but letters, digits, ``.``, ``-`` and ``_``; the message
        names the file and the line.
    """
    wrong = ~names.str.fullmatch(r"\w[\w.-]*").to_numpy(dtype=bool)
    if wrong.any():
        raise InputError(
            f"{path} line {int(wrong.argmax()) + 2}: {names.name} is empty or no name. Mend the "
            "line or leave it out."
        )


def folder_of(subject: pd.Series, study: pd.Series) -> pd.Series:
    """Return the folder of each study's images, such as ``p10/p10000032/s50414267``."""
    return subject.str[:3] + "/" + subject + "/" + study
