"""The annotation cache as the command line shows it: what it holds, cleared or exported."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from harness.disk_errors import explained
from harness.errors import InputError
from harness.suggest import suggestion
from metrics.cache import AnnotationCache

_JUDGE = "metrics.judges.judge:Judge"
_START = b'{"signature": '
"""What every line of an export begins with."""
_BERTSCORE = "metrics.annotators.bertscore.annotator:BertScoreAnnotator"


@dataclass(frozen=True)
class Kept:
    """How many annotations there are of one annotator with certain weights and settings."""

    annotator: str
    annotations: int
    signature: str


@dataclass(frozen=True)
class CacheInfo:
    """The cache's file, its size, and what it holds."""

    path: Path
    size_bytes: int
    kept: list[Kept]


def cache_info() -> CacheInfo:
    """Return what the cache holds."""
    cache = AnnotationCache()
    kept = [Kept(annotator_of(s), n, s) for s, n in cache.counts().items()]
    size = cache.path.stat().st_size if cache.path.exists() else 0
    return CacheInfo(cache.path, size, kept)


def chosen(annotator: str | None) -> list[Kept]:
    """Return what the cache holds of one annotator, or of all.

    Raises
    ------
    InputError
        If it holds nothing of the named one.
    """
    kept = cache_info().kept
    found = [one for one in kept if annotator in (None, one.annotator)]
    if annotator is not None and not found:
        known = sorted({one.annotator for one in kept})
        raise InputError(
            f"The cache holds no annotations of {annotator!r}. {suggestion(annotator, known)}"
        )
    return found


def clear(kept: list[Kept]) -> int:
    """Remove annotations; return how many there were."""
    cache = AnnotationCache()
    return sum(cache.clear(one.signature) for one in kept)


def export(path: Path) -> int:
    """Write all annotations as JSON lines, readable by the owner only; return how many.

    A line holds ``signature``, ``sha256`` of the text and ``annotation``; where no annotator can
    read the bytes, ``base64`` holds them.

    Raises
    ------
    InputError
        If the file cannot be written, or is there and is no earlier export.
    """
    count = 0
    _refuse_others(path)
    with explained(path), _private(path) as file:
        for signature, digest, value in AnnotationCache().entries():
            line = {"signature": signature, "sha256": digest, **_readable(signature, value)}
            file.write(json.dumps(line) + "\n")
            count += 1
    return count


def annotator_of(signature: str) -> str:
    """Return the annotator's name, the first part of its signature."""
    return signature.partition("|")[0]


def _readable(signature: str, value: bytes) -> dict[str, Any]:
    decode = _decoder(signature)
    if decode is not None:
        # bytes that an older version of an annotator wrote
        with suppress(ValueError, TypeError, KeyError):
            return {"annotation": _plain(decode(value))}
    return {"base64": base64.b64encode(value).decode("ascii")}


def _decoder(signature: str) -> Callable[[bytes], Any] | None:
    """Return the decoder of the annotator that wrote, unless it was another version of it."""
    from metrics.annotators.sources import SOURCES

    targets = {"bertscore": _BERTSCORE, **{name: s.target for name, s in SOURCES.items()}}
    judged = "|judge:" in signature
    target = _JUDGE if judged else targets.get(annotator_of(signature))
    if target is None:
        return None
    module, _, attribute = target.partition(":")
    kind: Any = getattr(import_module(module), attribute)
    decode: Callable[[bytes], Any] = kind.decode
    return decode if signature.endswith(f"|v:{kind.version}") else None


def _plain(value: Any) -> Any:
    """Return dataclasses and named tuples as objects, arrays as lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    return value.tolist() if hasattr(value, "tolist") else value


def _refuse_others(path: Path) -> None:
    """Refuse to replace anything but an export."""
    if not path.exists():
        return
    if path.is_file():
        with explained(path), path.open("rb") as file:
            if file.read(len(_START)) in (b"", _START):
                return
    raise InputError(f"{path} is there, and is no export of the cache. Name another file.")


@contextmanager
def _private(path: Path) -> Iterator[IO[str]]:
    """Yield a file that takes its name when it is whole; annotations hold words of reports."""
    temporary = path.absolute().parent / f".{secrets.token_hex(8)}.tmp"
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
