"""One clear error for whatever a library raises when a disk refuses to be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import InputError

_ADVICE = (
    "Free space on its disk, or in your quota, and run the same command with --resume: it goes on "
    "from the last state that was saved whole."
)
# torch's writer raises RuntimeError and safetensors an error of its own, for many other things too
_TORCH = ("PytorchStreamWriter", "inline_container")
_SAFETENSORS = ("I/O error", "IoError", "os error")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write under ``path``, by torch, safetensors or Python, into InputError."""
    from safetensors import SafetensorError

    try:
        yield
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}. {_ADVICE}") from error
    except (RuntimeError, SafetensorError) as error:
        marks = _SAFETENSORS if isinstance(error, SafetensorError) else _TORCH
        if not any(mark in str(error) for mark in marks):
            raise
        raise InputError(f"Cannot write {path}: the disk refused. {_ADVICE}") from error
