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
_SCHEMA = """
CREATE TABLE IF NOT EXISTS signatures (id INTEGER PRIMARY KEY, signature TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS annotations (
    signature INTEGER NOT NULL REFERENCES signatures (id),
    text BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (signature, text)
) WITHOUT ROWID;
"""
# a signature that is NULL stands for all of them
_DELETE = (
    "DELETE FROM annotations WHERE signature IN "
    "(SELECT id FROM signatures WHERE ? IS NULL OR signature = ?)"
)
_FORGET = "DELETE FROM signatures WHERE ? IS NULL OR signature = ?"

R = TypeVar("R")


def default_path() -> Path:
    """Return the file in ``CXR_HARNESS_CACHE``, or in the user's cache folder."""
    named = os.environ.get("CXR_HARNESS_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "cxr-harness"
    return (Path(named) if named else base).expanduser() / FILE_NAME


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
        if not self.path.exists():
            return {}
        digests = {_digest(text): text for text in texts}
        return self._mended(lambda: self._read(signature, digests)) or {}

    def put(self, signature: str, annotations: Mapping[str, bytes]) -> None:
        """Store annotations by text, all or none of them; equal keys are written over."""
        rows = [(_digest(text), zlib.compress(value, 1)) for text, value in annotations.items()]
        self._mended(lambda: self._write(signature, rows), again=True)

    def counts(self) -> dict[str, int]:
        """Return how many annotations there are of each signature."""
        if not self.path.exists():
            return {}
        query = (
            "SELECT s.signature, count(a.text) FROM signatures s LEFT JOIN annotations a "
            "ON a.signature = s.id GROUP BY s.id ORDER BY s.signature"
        )
        return dict(self._mended(lambda: self._all(query)) or [])

    def entries(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield signature, the text's SHA-256 in hexadecimal digits, and value, in key order."""
        query = (
            "SELECT s.signature, a.text, a.value FROM annotations a JOIN signatures s "
            "ON a.signature = s.id ORDER BY s.signature, a.text"
        )
        if not self.path.exists():
            return
        for signature, digest, value in self._mended(lambda: self._all(query)) or []:
            yield signature, digest.hex(), _uncompressed(value)

    def clear(self, signature: str | None = None) -> int:
        """Remove the annotations of one signature, or all; return how many there were."""
        if not self.path.exists():
            return 0
        return self._mended(lambda: self._remove(signature)) or 0

    def _read(self, signature: str, digests: Mapping[bytes, str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        keys = list(digests)
        with self._connection() as connection:
            row = connection.execute(
                "SELECT id FROM signatures WHERE signature = ?", [signature]
            ).fetchone()
            if row is None:
                return found
            for start in range(0, len(keys), _KEYS_PER_QUERY):
                part = keys[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(part))
                query = (
                    f"SELECT text, value FROM annotations WHERE signature = ? AND text IN ({marks})"  # noqa: S608, E501
                )
                rows = connection.execute(query, [row[0], *part])
                found.update((digests[key], _uncompressed(value)) for key, value in rows)
        return found

    def _write(self, signature: str, rows: Iterable[tuple[bytes, bytes]]) -> None:
        with self._connection() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR IGNORE INTO signatures (signature) VALUES (?)", [signature]
            )
            (number,) = connection.execute(
                "SELECT id FROM signatures WHERE signature = ?", [signature]
            ).fetchone()
            connection.executemany(
                "INSERT OR REPLACE INTO annotations VALUES (?, ?, ?)",
                [(number, digest, value) for digest, value in rows],
            )

    def _remove(self, signature: str | None) -> int:
        with self._connection() as connection:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                removed = connection.execute(_DELETE, [signature, signature]).rowcount
                connection.execute(_FORGET, [signature, signature])
            connection.execute("VACUUM")
        return removed

    def _all(self, query: str) -> list[Any]:
        with self._connection() as connection:
            return connection.execute(query).fetchall()

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
        flags = os.O_CREAT | os.O_RDWR
        os.close(os.open(self.path, flags, 0o600))

    def _mended(self, action: Callable[[], R], again: bool = False) -> R | None:
        """Return the action's result; set a damaged file aside, and then try once more if asked.

        Raises
        ------
        InputError
            If the system refuses to read or write the file.
        """
        try:
            return action()
        except (sqlite3.OperationalError, OSError) as error:
            raise InputError(
                f"The annotation cache {self.path} cannot be used: {error}. Mend its folder, or "
                "name another one with the environment variable CXR_HARNESS_CACHE."
            ) from error
        except (sqlite3.DatabaseError, DamagedError) as error:
            self._set_aside(error)
        return action() if again else None

    def _set_aside(self, error: Exception) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        try:
            self.path.replace(aside)
        except FileNotFoundError:
            return  # another process did
        journal = self.path.with_name(f"{self.path.name}-journal")
        journal.unlink(missing_ok=True)
        warnings.warn(
            f"The annotation cache {self.path} is damaged ({error}). It now lies at {aside}; "
            "a new one is begun.",
            MetricsWarning,
            stacklevel=2,
        )


def _digest(text: str) -> bytes:
    # a lone surrogate is no UTF-8, but a text may hold one
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _uncompressed(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error as error:
        raise DamagedError(f"an annotation's bytes changed: {error}") from error
