"""The annotation cache: what annotators said of a text, kept between runs in one SQLite file.

A key is an annotator's signature and the SHA-256 of a text; texts themselves are not stored, but
annotations hold words of reports, so the file is readable by its owner only. The rollback journal
and a busy timeout let several processes write, on network file systems too.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from metrics.errors import InputError, MetricsWarning

FILE_NAME = "annotations.sqlite3"
_BUSY_SECONDS = 60.0
_KEYS_PER_QUERY = 500
_CHECK_BYTES = 4
_SCHEMA = """
CREATE TABLE IF NOT EXISTS signatures (id INTEGER PRIMARY KEY, signature TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS annotations (
    signature INTEGER NOT NULL REFERENCES signatures (id),
    text BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (signature, text)
) WITHOUT ROWID;
"""
_COUNTS = (
    "SELECT s.signature, count(a.text) FROM signatures s LEFT JOIN annotations a "
    "ON a.signature = s.id GROUP BY s.id ORDER BY s.signature"
)
_PAGE = (
    "SELECT a.text, a.value FROM annotations a JOIN signatures s ON a.signature = s.id "
    "WHERE s.signature = ? AND a.text > ? ORDER BY a.text LIMIT ?"
)
_ADVICE = {
    sqlite3.SQLITE_BUSY: "Another process holds it: run the same command again when that is done",
    sqlite3.SQLITE_FULL: "Free space on its disk",
    sqlite3.SQLITE_READONLY: "Allow writing there",
    sqlite3.SQLITE_PERM: "Allow writing there",
    sqlite3.SQLITE_CANTOPEN: "Allow writing there",
    sqlite3.SQLITE_IOERR: "Free space on its disk, or raise the limit on file sizes",
    sqlite3.SQLITE_LOCKED: "Run the same command again",
    sqlite3.SQLITE_PROTOCOL: "Its file system cannot lock files",
    sqlite3.SQLITE_NOLFS: "Its file system cannot hold large files",
}
"""What to do about refusals of the system; any other error of SQLite is damage of the file."""

R = TypeVar("R")
_Row = tuple[bytes, bytes]


def default_path() -> Path:
    """Return the file in ``CXR_HARNESS_CACHE``, or in the user's cache folder.

    Raises
    ------
    InputError
        If that is in the home folder of a user who has none, as in some containers.
    """
    named = os.environ.get("CXR_HARNESS_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "cxr-harness"
    return expanded(Path(named) if named else base, "CXR_HARNESS_CACHE") / FILE_NAME


def expanded(folder: Path, variable: str) -> Path:
    """Return the folder with ``~`` replaced; ``variable`` is where it can be named otherwise.

    Raises
    ------
    InputError
        If there is no such home folder.
    """
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise InputError(
            f"There is no home folder for {folder}. Name another one with the environment "
            f"variable {variable}."
        ) from error


class DamagedError(Exception):
    """The file is no cache of ours, or bytes in it changed."""


class AnnotationCache:
    """Annotations as bytes, by annotator signature and text.

    A damaged file is set aside with a warning, and a new one is begun.

    Parameters
    ----------
    path
        The SQLite file; it and its folder are made when something is first stored.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()

    def get(self, signature: str, texts: Sequence[str]) -> dict[str, bytes]:
        """Return what is known of the texts under this signature, by text."""
        digests = {_digest(text): text for text in texts}
        return self._mended(lambda: self._read(signature, digests), {})

    def put(self, signature: str, annotations: Mapping[str, bytes]) -> None:
        """Store annotations by text, all or none of them; equal keys are written over."""
        rows = [
            (digest, _sealed(signature, digest, value))
            for digest, value in ((_digest(text), value) for text, value in annotations.items())
        ]
        if not rows:
            return
        if not self._mended(lambda: self._write(signature, rows), False):
            # the file was damaged and is set aside: into the new one
            self._mended(lambda: self._write(signature, rows), False)

    def counts(self) -> dict[str, int]:
        """Return how many annotations there are of each signature."""
        return dict(self._mended(lambda: self._all(_COUNTS), []))

    def entries(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield signature, the text's SHA-256 in hexadecimal digits, and value, in key order.

        Raises
        ------
        InputError
            If the file turns out to be damaged after the first of them; it is set aside.
        """
        for signature in self.counts():
            after = b""
            while page := self._page(signature, after):
                yield from ((signature, digest.hex(), value) for digest, value in page)
                after = page[-1][0]

    def clear(self, signature: str | None = None) -> int:
        """Remove the annotations of one signature, or all; return how many there were."""
        return self._mended(lambda: self._remove(signature), 0)

    def _page(self, signature: str, after: bytes) -> list[_Row]:
        found = self._mended(lambda: self._read_page(signature, after), None)
        if found is None:
            raise InputError(f"{self.path} was damaged; give the command again.")
        return found

    def _read_page(self, signature: str, after: bytes) -> list[_Row]:
        rows = self._all(_PAGE, signature, after, _KEYS_PER_QUERY)
        return [(digest, _opened(signature, digest, value)) for digest, value in rows]

    def _read(self, signature: str, digests: Mapping[bytes, str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        keys = list(digests)
        if not self.path.exists():
            return found
        with self._connection() as connection:
            number = _number(connection, signature)
            for start in range(0, len(keys) if number is not None else 0, _KEYS_PER_QUERY):
                part = keys[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(part))
                query = (
                    f"SELECT text, value FROM annotations WHERE signature = ? AND text IN ({marks})"  # noqa: S608
                )
                for digest, value in connection.execute(query, [number, *part]):
                    found[digests[digest]] = _opened(signature, digest, value)
        return found

    def _write(self, signature: str, rows: Iterable[_Row]) -> bool:
        with self._connection() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR IGNORE INTO signatures (signature) VALUES (?)", [signature]
            )
            number = _number(connection, signature)
            connection.executemany(
                "INSERT OR REPLACE INTO annotations VALUES (?, ?, ?)",
                [(number, digest, value) for digest, value in rows],
            )
        return True

    def _remove(self, signature: str | None) -> int:
        if not self.path.exists():
            return 0
        with self._connection() as connection:
            # what was removed holds words of reports: none may stay in free pages
            connection.execute("PRAGMA secure_delete = ON")
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                if signature is None:
                    removed = connection.execute("DELETE FROM annotations").rowcount
                    connection.execute("DELETE FROM signatures")
                else:
                    number = _number(connection, signature)
                    removed = connection.execute(
                        "DELETE FROM annotations WHERE signature = ?", [number]
                    ).rowcount
                    connection.execute("DELETE FROM signatures WHERE id = ?", [number])
            connection.execute("VACUUM")
        return removed

    def _all(self, query: str, *values: object) -> list[Any]:
        if not self.path.exists():
            return []
        with self._connection() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        self._make_private()
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.executescript(_SCHEMA)
            yield connection
        finally:
            connection.close()

    def _make_private(self) -> None:
        """Create the file with mode 0600 before SQLite does it with the user's umask."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)

    def _mended(self, action: Callable[[], R], otherwise: R) -> R:
        """Return the action's result, or ``otherwise`` after a damaged file was set aside.

        Raises
        ------
        InputError
            If the system refuses to read or write the file.
        """
        try:
            before = _identity(self.path)
            return action()
        except sqlite3.Error as error:
            # Python's own complaints about what it read have no code
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code in _ADVICE:
                raise self._refusal(str(error), _ADVICE[code]) from error
            self._set_aside(error, before)
        except DamagedError as error:
            self._set_aside(error, before)
        except OSError as error:
            raise self._refusal(error.strerror or str(error), "Mend this") from error
        return otherwise

    def _refusal(self, what: str, advice: str) -> InputError:
        return InputError(
            f"The annotation cache {self.path} cannot be used: {what}. {advice}, or name another "
            "folder with the environment variable CXR_HARNESS_CACHE."
        )

    def _set_aside(self, error: Exception, damaged: tuple[int, int] | None) -> None:
        if _identity(self.path) != damaged:
            return  # another process has set it aside, and begun a new one
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        journal = f"{self.path.name}-journal"
        try:
            # first, for SQLite would play it back into the new file
            self.path.with_name(journal).unlink(missing_ok=True)
            self.path.replace(aside)
        except FileNotFoundError:
            return
        except OSError as refusal:
            raise self._refusal(f"it is damaged ({error})", "Remove it") from refusal
        warnings.warn(
            f"The annotation cache {self.path} is damaged ({error}). It now lies at {aside}; "
            "a new one is begun.",
            MetricsWarning,
            stacklevel=2,
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return facts.st_dev, facts.st_ino


def _number(connection: sqlite3.Connection, signature: str) -> int | None:
    row = connection.execute(
        "SELECT id FROM signatures WHERE signature = ?", [signature]
    ).fetchone()
    return None if row is None else row[0]


def _digest(text: str) -> bytes:
    # a lone surrogate is no UTF-8, but a text may hold one
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _sealed(signature: str, digest: bytes, value: bytes) -> bytes:
    """Return the value compressed, after a check sum of it and of its key."""
    packed = zlib.compress(value, 1)
    return _check(signature, digest, packed) + packed


def _opened(signature: str, digest: Any, sealed: Any) -> bytes:
    """Return the value; bytes that changed may have changed a column's type as well."""
    if not isinstance(sealed, bytes) or not isinstance(digest, bytes):
        raise DamagedError("a row of it changed")
    check, packed = sealed[:_CHECK_BYTES], sealed[_CHECK_BYTES:]
    if check != _check(signature, digest, packed):
        raise DamagedError("an annotation's bytes changed")
    return zlib.decompress(packed)


def _check(signature: str, digest: bytes, packed: bytes) -> bytes:
    return zlib.crc32(packed, zlib.crc32(signature.encode() + digest)).to_bytes(_CHECK_BYTES, "big")
