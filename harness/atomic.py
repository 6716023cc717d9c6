"""Replace a file in one step: whoever looks sees the old content or the new one, whole.

The new content goes to a hidden file in the same folder (``.….tmp``), is forced to disk and takes
the old file's name. It costs the space of both for a moment, and the old file's permissions and
hard links. A process that is killed may leave the hidden file behind; nothing else.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``; as ``write_pieces``."""
    write_pieces(path, [content])


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Replace ``path`` by the pieces, one after the other, or leave it as it is and raise.

    A symbolic link stays, and the file that it points to is replaced.

    Raises
    ------
    OSError
        If the system refuses: a full disk, a limit on file sizes, no permission.
    """
    target = Path(os.path.realpath(path))
    temporary = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in UTF-8; as ``write_bytes``."""
    write_bytes(path, text.encode())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
