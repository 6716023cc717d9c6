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


def inputs_of(adapter: Adapter, request: Request) -> dict[str, Any]:
    """Return hashes of all that an answer is made from: of words, and of images by content.

    The images are those that the adapter looks at.
    """
    told = asdict(request)
    for name in ("current_image", "prior_image", "images"):
        del told[name]
    if not adapter.uses_images:
        return {"words": _hash(told)}
    paths = adapter.looks_at(request)
    places = {
        "current_image": _places([request.current_image], paths),
        "prior_image": _places([request.prior_image], paths),
        "images": _places(request.images, paths),
    }
    return {"words": _hash({**told, **places}), "images": [_image_hash(path) for path in paths]}


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


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def _places(images: Sequence[Path | None], paths: Sequence[Path]) -> list[int]:
    return [paths.index(image) for image in images if image is not None and image in paths]


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
