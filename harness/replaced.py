"""Set the old files of a run folder aside for a fresh run, losing nothing on a crash.

``set_aside`` moves them into ``.replaced-N``, ``run.json`` first: from that rename on, the folder
counts as empty, and whoever opens it next finishes the move. They are deleted once the new run is
complete.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from harness.disk_errors import explained
from harness.run_record import RUN_FILE

_ASIDE = re.compile(r"\.replaced-(\d+)")

OwnFiles = Callable[[Path], list[str]]
"""Given the folder that holds a run.json, the relative paths of all files of that run."""


def asides(folder: Path) -> list[Path]:
    """Return the folders of replaced runs, oldest first."""
    found = [(int(m[1]), p) for p in folder.iterdir() if (m := _ASIDE.fullmatch(p.name))]
    return [path for _, path in sorted(found)]


def set_aside(folder: Path, own_files: OwnFiles) -> None:
    """Move the files of the run in ``folder`` aside."""
    earlier = asides(folder)
    number = int(earlier[-1].name.rpartition("-")[2]) + 1 if earlier else 1
    aside = folder / f".replaced-{number}"
    with explained(folder):
        aside.mkdir()
        (folder / RUN_FILE).rename(aside / RUN_FILE)
    finish_setting_aside(folder, own_files)


def finish_setting_aside(folder: Path, own_files: OwnFiles) -> None:
    """Move what an interrupted ``set_aside`` left behind; without one, do nothing."""
    earlier = asides(folder)
    if (folder / RUN_FILE).exists() or not earlier or not (earlier[-1] / RUN_FILE).exists():
        return
    with explained(folder):
        for name in own_files(earlier[-1]):
            if (folder / name).exists():
                (earlier[-1] / name).parent.mkdir(exist_ok=True)
                (folder / name).rename(earlier[-1] / name)


def delete_asides(folder: Path, own_files: OwnFiles) -> None:
    """Delete replaced runs: exactly their own files, ``run.json`` last."""
    for aside in asides(folder):
        with explained(aside):
            names = own_files(aside) if (aside / RUN_FILE).exists() else []
            for name in [*names, RUN_FILE]:
                (aside / name).unlink(missing_ok=True)
            for inner in [*(p for p in aside.iterdir() if p.is_dir()), aside]:
                _remove_if_empty(inner)


def _remove_if_empty(folder: Path) -> None:
    if not any(os.scandir(folder)):
        folder.rmdir()
