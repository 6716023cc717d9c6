"""One clear error for whatever a library raises when a disk refuses to be written."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import InputError

_SPACE = "Free space on its disk"
_ADVICE = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: "Free space in your quota",
    errno.EFBIG: "Raise the limit on file sizes (`ulimit -f`)",
    errno.EACCES: "Allow writing there",
    errno.EPERM: "Allow writing there",
    errno.EROFS: "Make its disk writable",
}
_AGAIN = (
    "and run the same command with --resume: it goes on from the last state that was saved whole."
)
# torch's writer raises RuntimeError and safetensors an error of its own, for many other things too
_TORCH = ("PytorchStreamWriter", "inline_container")
_SAFETENSORS = ("I/O error", "IoError", "os error")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a refusal to write under ``path``, to torch, safetensors or Python, into InputError.

    Whatever else is raised passes: a file that cannot be read, say.
    """
    from safetensors import SafetensorError

    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        raise InputError(f"Cannot write {path}: {error.strerror}. {advice} {_AGAIN}") from error
    except (RuntimeError, SafetensorError) as error:
        marks = _SAFETENSORS if isinstance(error, SafetensorError) else _TORCH
        if not any(mark in str(error) for mark in marks):
            raise
        raise InputError(f"Cannot write {path}: the disk is full. {_SPACE} {_AGAIN}") from error
