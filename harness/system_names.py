"""Names of systems, and the names of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from harness.errors import InputError
from models.adapter import Prior

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-")
_LONGEST = 200
"""Bytes of a file name before its suffix; most file systems take 255 in all."""


def system_name(model: str, prior: Prior) -> str:
    """Return the model's id for the real prior, and ``id@dummy`` and so on for the others."""
    return model if prior == "real" else f"{model}@{prior}"


def priors_that_matter(priors: Sequence[Prior], uses_prior: bool) -> list[Prior]:
    """Return the prior modes to run; a model that looks at no prior runs once, as ``real``."""
    return list(dict.fromkeys(priors)) if uses_prior else ["real"]


def file_stem(system: str) -> str:
    """Return a file name for any system name: safe on every file system, one per name.

    Bytes outside ``[A-Za-z0-9._@-]`` are percent-encoded, as is a dot in front. A very long name
    is cut, and its SHA-256 tells it from its like.

    >>> file_stem("lab/model v2@dummy")
    'lab%2Fmodel%20v2@dummy'
    """
    if not system:
        raise InputError("A system has an empty name. Give every model an id.")
    raw = system.encode("utf-8", "surrogatepass")
    stem = "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)
    if stem.startswith("."):
        stem = f"%2E{stem[1:]}"
    if len(stem) > _LONGEST:
        stem = f"{stem[: _LONGEST - 65]}-{hashlib.sha256(raw).hexdigest()}"
    return stem
