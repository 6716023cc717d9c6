"""What became of every study of raw data: kept or dropped, and why, so that counts can be checked.

Beside the studies, a report (JSON) holds the counts, and a table (CSV) the ids that each of them
stands for. Every study that was found is either kept or dropped for one reason; remarks on what
was kept, and on single images, are noted.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.atomic import write_text
from harness.datasets.studies import write_studies
from harness.disk_errors import explained
from harness.errors import InputError
from harness.study import Study

_FILE_NAME = re.compile(r"\w[\w.-]*")
_COLUMNS = ("outcome", "reason", "study_id", "subject_id", "split", "sample")


@dataclass(frozen=True, slots=True)
class Subject:
    """What an outcome is about; ``sample`` is the image or question where it is not the study."""

    study_id: str
    subject_id: str = ""
    split: str = ""
    sample: str = ""


@dataclass
class Outcomes:
    """Collects what was dropped and what was noted; ``meanings`` explains every reason."""

    meanings: Mapping[str, str]
    dropped: dict[str, list[Subject]] = field(default_factory=dict)
    noted: dict[str, list[Subject]] = field(default_factory=dict)

    def drop(self, reason: str, subjects: Iterable[Subject]) -> None:
        """Put on record that these are not among the studies that are written."""
        self.dropped.setdefault(reason, []).extend(subjects)

    def note(self, reason: str, subjects: Iterable[Subject]) -> None:
        """Put a remark on record that drops nothing by itself."""
        self.noted.setdefault(reason, []).extend(subjects)

    def counts(self, records: Mapping[str, Sequence[Subject]]) -> dict[str, dict[str, Any]]:
        """Return count and meaning of every reason that occurred, in the order of ``meanings``."""
        return {
            reason: {"count": len(records[reason]), "meaning": meaning}
            for reason, meaning in self.meanings.items()
            if records.get(reason)
        }

    def table(self) -> str:
        """Return the ids behind every count, as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for outcome, records in (("dropped", self.dropped), ("noted", self.noted)):
            for reason in self.meanings:
                for one in records.get(reason, ()):
                    row = (one.study_id, one.subject_id, one.split, one.sample)
                    writer.writerow((outcome, reason, *row))
        return text.getvalue()


def check_output(output: Path) -> None:
    """Refuse, before anything is read, an output that is neither ``….jsonl`` nor a folder.

    Raises
    ------
    InputError
        If it has another ending, or a file stands where the folder would.
    """
    named_file = _is_file(output)
    if (named_file and output.suffix != ".jsonl") or (not named_file and output.is_file()):
        raise InputError(
            f"Cannot tell what to write to {output}. Name a file that ends in .jsonl, or a folder."
        )


def _is_file(output: Path) -> bool:
    return bool(output.suffix) and not output.is_dir()


def output_files(output: Path, studies: Sequence[Study]) -> dict[Path, list[Study]]:
    """Return what is written where: all to a file ``….jsonl``, or each split to one in a folder.

    Raises
    ------
    InputError
        If studies that go to a folder name no split, or one that would be no file in it.
    """
    if _is_file(output):
        return {output: list(studies)}
    files: dict[Path, list[Study]] = {}
    for study in studies:
        if not study.split or not _FILE_NAME.fullmatch(study.split):
            raise InputError(
                f"{study.place} is of no split, or of one that is no file's name, so that no file "
                f"in the folder {output} is its. Name a file that ends in .jsonl."
            )
        files.setdefault(output / f"{study.split}.jsonl", []).append(study)
    return files


def write_outcomes(
    output: Path, studies: Sequence[Study], outcomes: Outcomes, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the studies, the table of ids and the report; return the report.

    Parameters
    ----------
    output
        A file ``….jsonl``, or a folder with one for each split. The table and the report stand
        beside the file (``….ids.csv``, ``….report.json``) or in the folder.
    facts
        What the report says besides the counts.

    Raises
    ------
    InputError
        If no study is left, two have one id, one for a folder is of no split, or the system refuses
        to write.
    """
    refuse_none_left(studies, outcomes)
    _refuse_repeated(studies)
    files = output_files(output, studies)
    for path, chosen in files.items():
        with explained(output, resumes=False):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_studies(path, chosen)
    return write_account(output, list(files), studies, outcomes, facts)


def refuse_none_left(studies: Sequence[Study], outcomes: Outcomes) -> None:
    """Refuse to write nothing; the message counts the reasons.

    Raises
    ------
    InputError
        If there are no studies.
    """
    if studies:
        return
    reasons = ", ".join(
        f"{name}: {one['count']:,}" for name, one in outcomes.counts(outcomes.dropped).items()
    )
    raise InputError(
        f"No study is left to write ({reasons or 'none was found'}). Check the inputs and "
        "choices; nothing was written."
    )


def _refuse_repeated(studies: Sequence[Study]) -> None:
    """Refuse to write what no reader would take."""
    seen: set[str] = set()
    for study in studies:
        if study.sample_id in seen:
            raise InputError(
                f"{study.place}: a sample before it has the same id. Give every sample an id of "
                "its own."
            )
        seen.add(study.sample_id)


def write_account(
    output: Path,
    files: Sequence[Path],
    studies: Sequence[Study],
    outcomes: Outcomes,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the table of ids and the report beside what was written; return the report."""
    stem = output.with_suffix("") if _is_file(output) else output / "preparation"
    ids, report = (stem.with_name(stem.name + end) for end in (".ids.csv", ".report.json"))
    found = _report(studies, outcomes, facts) | {
        "files": {"studies": [str(path) for path in files], "ids": str(ids), "report": str(report)}
    }
    with explained(output, resumes=False):
        write_text(ids, outcomes.table())
        write_text(report, json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return found


def _report(
    studies: Sequence[Study], outcomes: Outcomes, facts: Mapping[str, Any]
) -> dict[str, Any]:
    splits = Counter(study.split or "" for study in studies)
    return {
        "schema_version": 1,
        **facts,
        "kept": {
            "total": len(studies),
            "by_split": dict(sorted(splits.items())),
            "subjects": len({study.subject_id for study in studies}),
            "with_prior": sum(bool(study.has_prior) for study in studies),
        },
        "dropped": {
            "total": sum(map(len, outcomes.dropped.values())),
            "reasons": outcomes.counts(outcomes.dropped),
        },
        "noted": outcomes.counts(outcomes.noted),
    }
