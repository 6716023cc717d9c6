"""What identifies a generation: everything that can change its text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from models.adapter import Adapter, Request

_THREADS = 8
_PIECE = 64
_UNREADABLE = "unreadable"
"""Stands for the hash of an image that cannot be read; whether that matters the adapter says."""


def canonical(value: Any) -> bytes:
    """Return plain values as JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def generation_key(adapter: Adapter, requests: Sequence[Request]) -> dict[str, Any]:
    """Return what two generations must share to be one: the adapter's print and the requests'."""
    return {"adapter": adapter.fingerprint(), "requests": requests_print(adapter, requests)}


def requests_print(adapter: Adapter, requests: Sequence[Request]) -> str:
    """Return a hash of requests with all they hold.

    Images count by content, and only for an adapter that looks at them.
    """
    digest = hashlib.sha256()
    for request in requests:
        digest.update(canonical(_described(request, adapter.uses_images)) + b"\n")
    return digest.hexdigest()


def images_of(request: Request) -> list[Path]:
    """Return all images that a model may look at to answer the request."""
    named = (request.current_image, request.prior_image, *request.images)
    return list(dict.fromkeys(path for path in named if path is not None))


def hash_images(
    paths: Sequence[Path], progress: Callable[[int], None] = lambda images: None
) -> None:
    """Read the images ahead, several at a time; their hashes are remembered.

    ``progress`` is called with the number of images done since the last call.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        # in pieces, because a pool finishes all it was given before it lets Ctrl-C through
        for start in range(0, len(paths), _PIECE):
            for _ in pool.map(_image_hash, paths[start : start + _PIECE]):
                progress(1)


def _described(request: Request, with_images: bool) -> dict[str, Any]:
    described = asdict(request)
    current, prior, others = (
        described.pop(name) for name in ("current_image", "prior_image", "images")
    )
    if with_images:
        named = {"current_image": current, "prior_image": prior}
        hashes = {name: _image_hash(path) for name, path in named.items() if path is not None}
        described |= {**hashes, "images": [_image_hash(path) for path in others]}
    return described


def _image_hash(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError:
        return _UNREADABLE


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content; a file that stays as it is is read once."""
    found = path.stat()
    return _content_hash(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1_000_000)
def _content_hash(path: Path, mtime_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
