"""What a reader of studies is given: the file, how to read it, and where to leave remarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.study import Study
from metrics.files.text_lines import MAX_LINE_BYTES


@dataclass(frozen=True)
class Source:
    """A file of studies.

    ``columns`` maps our fields to the file's columns. Readers put the names of fields that they
    passed over into ``unread``, so that a misspelt one comes to light.
    """

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    max_line_bytes: int = MAX_LINE_BYTES
    unread: dict[str, None] = field(default_factory=dict)

    def pass_over(self, names: Iterable[str]) -> None:
        """Put on record that fields of these names were not read."""
        self.unread.update(dict.fromkeys(names))


Reader = Callable[[Source], Iterator[Study]]
"""Yields the studies of a source in file order, or raises an error that names the place."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a study stands: the file, and the line or (in a JSON document) the key."""

    file: str
    line: int | None = None
    key: str = ""

    def __str__(self) -> str:
        if self.line is None:
            return f"{self.file}, study {self.key!r}"
        return f"{self.file} line {self.line}"
