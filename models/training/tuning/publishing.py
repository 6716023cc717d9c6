"""Put the files of a checkpoint into a folder: all of them, or none.

They are written beside their places, in a hidden folder. Its new name is the moment from which
they count: a process that is killed before leaves the old files, one that is killed after leaves
a folder that `finish_publishing` completes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.atomic import force_to_disk

_READY = ".ready"
_UNFINISHED = ".unfinished-"


@contextmanager
def published(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill; its files then replace those of their names in ``folder``.

    Whatever is raised while it is filled leaves ``folder`` as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    finish_publishing(folder)
    for left_behind in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left_behind)
    scratch = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))
    try:
        yield scratch
        for path in [*scratch.rglob("*"), scratch]:
            force_to_disk(path)
        scratch.rename(folder / _READY)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    force_to_disk(folder)
    finish_publishing(folder)


def finish_publishing(folder: Path) -> None:
    """Move what a killed process had written whole to its place in ``folder``, if there is some."""
    ready = folder / _READY
    if not ready.is_dir():
        return
    # without config.json a folder is no checkpoint, so it comes last
    for path in sorted(ready.iterdir(), key=lambda path: (path.name == "config.json", path.name)):
        target = folder / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
    force_to_disk(folder)
    ready.rmdir()
