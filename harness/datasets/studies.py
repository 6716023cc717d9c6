"""Studies in our own form: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.atomic import write_pieces
from harness.datasets.record import FIELDS, read_lines, record_of
from harness.datasets.source import Source
from harness.disk_errors import explained
from harness.study import UNNAMED, Study

KNOWN = (*FIELDS, "truth")


def read(source: Source) -> Iterator[Study]:
    """Yield the studies of a JSON Lines file in our form.

    ``truth``, what a phantom shows, may stand beside our fields; no score depends on it.
    """
    return read_lines(source, studies_record, KNOWN)


def write_studies(path: Path, studies: Iterable[Study]) -> None:
    """Write studies in our form, in one step; equal studies give equal bytes.

    Raises
    ------
    InputError
        If the system refuses to write; the old file is then still whole.
    """
    lines = (json.dumps(record_of(study), ensure_ascii=False) + "\n" for study in studies)
    with explained(path, resumes=False):
        write_pieces(path, (line.encode() for line in lines))


def studies_record(record: dict[str, object]) -> dict[str, object]:
    """Return a line of a studies file with its reference by section."""
    if isinstance(record.get("reference"), str | list):
        return {**record, "reference": {UNNAMED: record["reference"]}}
    return record
