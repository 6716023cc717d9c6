"""Read the studies of a data set, whatever its format, and check what the user must know."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.datasets.detection import detect_format
from harness.datasets.record import FIELDS
from harness.datasets.registry import reader
from harness.datasets.source import Source
from harness.errors import InputError
from harness.study import Study
from harness.suggest import suggestion
from metrics.files.quoting import listed, quoted
from metrics.files.sample_ids import refuse_repeated
from metrics.files.text_lines import opened

BYTES_PER_MB = 1_000_000
_SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".csv", ".tsv")


@dataclass(frozen=True)
class StudySet:
    """The studies of a file, in its order.

    ``sha256`` is of the file as it is on disk; ``notes`` are remarks for the person who runs it.
    """

    studies: Sequence[Study]
    path: Path
    format: str
    sha256: str
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.studies)

    @property
    def ids(self) -> list[str]:
        """The samples' ids."""
        return [study.sample_id for study in self.studies]


def read_studies(
    path: str | Path,
    format: str | None = None,
    *,
    section: str | None = None,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    max_line_mb: float = 8,
) -> StudySet:
    """Return the studies of a file.

    Parameters
    ----------
    path
        A file; or, with ``split``, a folder that holds the split's file, such as ``test.jsonl``.
    format
        The name of a format; None tells it from the file.
    section
        The section of the reference that every study must have, such as ``findings`` or
        ``findings+impression``; None checks none.
    columns
        For ``csv``: which column holds which of our fields.
    split
        Take the studies of this split only. Where no study names one, all are taken and a note
        says so.
    max_line_mb
        The longest line that is read, in million bytes.

    Raises
    ------
    InputError
        If the file cannot be read, a line is wrong, an id appears twice, a study lacks the
        section, or no study is left.
    """
    file = _split_file(Path(path), split)
    limit = int(max_line_mb * BYTES_PER_MB)
    name = format or detect_format(file, limit)
    if columns and name != "csv":
        raise InputError(f"columns is for tables, but {file} is read as {name!r}. Leave it out.")
    source = Source(file, columns or {}, limit)
    studies: Sequence[Study] = _unique(reader(name)(source), file)
    notes = _unread_note(source)
    if split is not None:
        studies, more = _of_split(studies, split, file)
        # a file that was chosen by the split's name says of itself what it holds
        notes += more if file == Path(path) else []
    if section is not None:
        notes += _check_section(studies, section)
    return StudySet(studies, file, name, file_sha256(file), notes)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with opened(path, uncompress=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _split_file(path: Path, split: str | None) -> Path:
    if split is None or not path.is_dir():
        return path
    found = [path / f"{split}{suffix}" for suffix in _SUFFIXES]
    existing = [file for file in found if file.is_file()]
    if not existing:
        raise InputError(
            f"The folder {path} holds no file of the split {split!r} ({split}.jsonl or the like). "
            "Name the file itself, or another split."
        )
    return existing[0]


def _unique(studies: Iterable[Study], path: Path) -> list[Study]:
    found: dict[str, Study] = {}
    for study in studies:
        first = found.setdefault(study.sample_id, study)
        if first is not study:
            refuse_repeated(path, study.sample_id, study.line, first.line)
    if not found:
        raise InputError(f"{path} line 1: the file holds no studies. Write at least one.")
    return list(found.values())


def _unread_note(source: Source) -> list[str]:
    if not source.unread:
        return []
    names = list(source.unread)
    near = [hint for name in names if (hint := suggestion(name, FIELDS)).startswith("Did")]
    return [" ".join([f"{source.path}: fields that are not read: {listed(names)}.", *near[:1]])]


def _of_split(
    studies: Sequence[Study], split: str, path: Path
) -> tuple[Sequence[Study], list[str]]:
    counts = Counter(study.split for study in studies if study.split is not None)
    if not counts:
        return studies, [f"{path}: no study names its split; all are taken for {split!r}."]
    without = next((study for study in studies if study.split is None), None)
    if without is not None:
        raise InputError(f"{without.place} has no split, but others have. Add it.")
    if split not in counts:
        raise InputError(
            f"{path}: no study is of the split {quoted(split)}. {suggestion(split, sorted(counts))}"
        )
    return [study for study in studies if study.split == split], []


def _check_section(studies: Sequence[Study], section: str) -> list[str]:
    lacking: list[InputError] = []
    empty = 0
    for study in studies:
        try:
            empty += not any(text.strip() for text in study.reference_texts(section))
        except InputError as error:
            lacking.append(error)
    if lacking:
        raise InputError(f"{lacking[0]} {len(lacking):,} of {len(studies):,} studies lack it.")
    if not empty:
        return []
    return [
        f"{empty:,} of {len(studies):,} studies have an empty {section}; "
        "they count as empty references."
    ]
