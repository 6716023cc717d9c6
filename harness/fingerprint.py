"""What identifies a generation: everything that can change its text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import InputError
from models.adapter import Adapter, Request


def canonical(value: Any) -> bytes:
    """Return plain values as JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def generation_key(adapter: Adapter, requests: Sequence[Request]) -> dict[str, Any]:
    """Return what two generations must share to be one: the adapter's print and the requests'.

    The requests count with all they hold; images count by content, and only for an adapter that
    looks at them.
    """
    digest = hashlib.sha256()
    for request in requests:
        digest.update(canonical(_described(request, adapter.uses_images)) + b"\n")
    return {"adapter": adapter.fingerprint(), "requests": digest.hexdigest()}


def _described(request: Request, with_images: bool) -> dict[str, Any]:
    described = asdict(request)
    for name in ("current_image", "prior_image"):
        path = described.pop(name)
        if with_images and path is not None:
            described[name] = _image_hash(path, request.sample_id)
    return described


def _image_hash(path: Path, sample_id: str) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        raise InputError(
            f"Cannot read {path}, an image of sample {sample_id!r}: {error.strerror}. "
            "Check the image folder of the benchmark."
        ) from error


@lru_cache(maxsize=1_000_000)
def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content; a file is read once in a process."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
