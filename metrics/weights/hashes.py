"""SHA-256 of weights, remembered by path, size and times, since large files take a second each."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from metrics.weights.layouts import files, model_files
from metrics.weights.places import find, locate, weight, weights_folder
from metrics.weights.table import Weight

_MEMORY = "hashes.json"
_KNOWN: dict[str, str] = {}
"""Those of this process, where the weights folder cannot be written."""


def sha256(name: str) -> str:
    """Return the SHA-256 of a file's bytes; of a folder, over its files' names and hashes.

    Raises
    ------
    InputError
        If no weights have this name.
    MissingError
        If they are not on this machine.
    """
    return hash_weights(weight(name), locate(name))


def sign(names: Sequence[str]) -> str:
    """Return names and hashes of weights for a score's signature; ``absent`` where not here.

    >>> sign([])
    ''
    """
    return "+".join(f"{name}@{'absent' if find(name) is None else sha256(name)}" for name in names)


def hash_weights(wanted: Weight, path: Path) -> str:
    """Return the SHA-256 of weights: whatever else lies in a folder does not count."""
    return _remembered(path) if path.is_file() else _of_files(path, files(wanted, path))


def hash_path(path: Path) -> str:
    """Return the SHA-256 of a file, or of the files of a transformers model's folder."""
    return _remembered(path) if path.is_file() else _of_files(path, model_files(path))


def _of_files(folder: Path, found: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in found:
        digest.update(f"{file.relative_to(folder).as_posix()}\0{_remembered(file)}\n".encode())
    return digest.hexdigest()


def _remembered(file: Path) -> str:
    facts = file.stat()
    key = f"{file.resolve()}|{facts.st_size}|{facts.st_mtime_ns}|{facts.st_ctime_ns}"
    if key not in _KNOWN:
        memory = weights_folder() / _MEMORY
        known = _read(memory)
        if key not in known:
            with file.open("rb") as opened:
                known[key] = hashlib.file_digest(opened, "sha256").hexdigest()
            # a folder that cannot be written costs a second per run, nothing more
            with suppress(OSError):
                _write(memory, known)
        _KNOWN[key] = known[key]
    return _KNOWN[key]


def _read(memory: Path) -> dict[str, str]:
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}


def _write(memory: Path, known: dict[str, str]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    # not tempfile, whose files are for their owner alone: a group may share the folder
    temporary = memory.with_name(f".hashes-{secrets.token_hex(8)}")
    try:
        with temporary.open("x", encoding="utf-8") as opened:
            json.dump(known, opened, indent=1, sort_keys=True)
        os.replace(temporary, memory)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
