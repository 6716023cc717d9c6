"""Replace a file in one step: whoever looks sees the old content or the new one, whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file by its new content; it can be read by its owner only.

    Raises
    ------
    OSError
        If the system refuses; the old file is then still whole.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def force_to_disk(path: Path) -> None:
    """Return once the system has written what it holds of a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
