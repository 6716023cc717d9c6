"""RadGraph archives: unpacked with care, or read from a folder."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any, cast

from metrics.errors import InputError, MissingError

MAX_MEMBERS = 1_000
MAX_BYTES = 8 << 30
MAX_RATIO = 100
"""Bytes unpacked per byte of the archive; weights hardly shrink at all."""
SMALL = 64 << 20
"""An archive that unpacks to no more than this may have any ratio."""
MAX_READ = 1 << 20
"""Names and other headers are read in one go, a file's bytes in pieces."""


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """Yield a folder with the archive's files; one that was unpacked here goes away afterwards.

    Raises
    ------
    InputError
        If the archive is damaged, or holds links, devices, paths that lead out of it, or more
        than an archive of weights holds.
    MissingError
        If there is no such file or folder.
    """
    if archive.is_dir():
        yield archive
        return
    if not archive.is_file():
        raise MissingError(f"The RadGraph archive {archive} is not there.")
    with TemporaryDirectory(prefix="radgraph-") as folder:
        try:
            _unpack(archive, Path(folder))
        except InputError:
            raise
        # OSError: no gzip, or a name that is there twice; ValueError: no valid name or number
        except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
            raise InputError(
                f"{archive} is no readable tar archive: {error}. Download it again."
            ) from error
        yield Path(folder)


def encoder_name(archive: Path) -> str | None:
    """Return the encoder that an archive's config.json names, without unpacking the archive.

    Raises
    ------
    InputError
        If it is no archive that can be read.
    """
    try:
        config = json.loads(_config(archive) or b"null")
        name = config["model"]["embedder"]["token_embedders"]["bert"]["model_name"]
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise InputError(f"{archive} is no readable archive: {error}.") from error
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if isinstance(name, str) else None


def _config(archive: Path) -> bytes | None:
    if archive.is_dir():
        return (archive / "config.json").read_bytes()
    with _opened(archive) as raw, tarfile.open(fileobj=raw, mode="r:") as tar:
        for member in islice(tar, MAX_MEMBERS):
            if PurePosixPath(member.name) == PurePosixPath("config.json"):
                content = tar.extractfile(member) if member.size < MAX_READ else None
                return None if content is None else content.read()
    return None


def read_json(path: Path, shown: Path) -> Any:
    """Return the content of a JSON file; ``shown`` is its name in messages."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{shown} is not there. Take an official RadGraph archive.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{shown} is no JSON file: {error}") from error


def _unpack(archive: Path, folder: Path) -> None:
    limit = min(MAX_BYTES, max(SMALL, MAX_RATIO * archive.stat().st_size))
    with _opened(archive) as raw, tarfile.open(fileobj=raw, mode="r:") as tar:
        for count, member in enumerate(tar, start=1):
            limit -= member.size
            if count > MAX_MEMBERS or limit < 0 or member.size < 0:
                raise InputError(
                    f"{archive} would unpack to more than an archive of weights holds "
                    f"({MAX_MEMBERS} files, {MAX_BYTES >> 30} GiB, {MAX_RATIO} times its size). "
                    "Take the official file."
                )
            _place(archive, tar, member, folder)


def _place(archive: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    harmless = member.isdir() or (member.isreg() and not member.issparse())
    if not harmless or name.is_absolute() or ".." in name.parts or "\\" in member.name:
        raise InputError(
            f"{archive} holds a link, a device or a path that leads out of it ({member.name!r}). "
            "Nothing of it is used; take the official file."
        )
    target = folder / name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    with target.open("xb") as file:
        shutil.copyfileobj(content, file, MAX_READ)  # type: ignore[arg-type]


@contextmanager
def _opened(archive: Path) -> Iterator[IO[bytes]]:
    with archive.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    with gzip.open(archive, "rb") if zipped else archive.open("rb") as stream:
        yield cast(IO[bytes], _Bounded(cast(IO[bytes], stream)))


class _Bounded:
    """A stream that refuses to read much at once, as a header that claims gigabytes would."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_READ:
            raise tarfile.ReadError("a header is too large")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()
