"""A small tree in PhysioNet's layout whose every row and report a test writes itself."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.mimic.studies import Choices, prepare_mimic_cxr

REPORT = "{pad}FINAL REPORT\n INDICATION:  Cough.\n \n FINDINGS:  {findings}\n"


def report(findings: str) -> str:
    """Return the text of a report with these findings."""
    return REPORT.format(pad=" " * 33, findings=findings)


@dataclass
class Tree:
    """Rows of the two tables and the reports by name; ``image`` adds an image to both tables."""

    folder: Path
    metadata: list[dict[str, Any]] = field(default_factory=list)
    splits: list[dict[str, Any]] = field(default_factory=list)
    reports: list[tuple[str, bytes]] = field(default_factory=list)

    def image(
        self,
        name: str,
        study: int,
        subject: int = 10000001,
        view: str = "PA",
        date: object = 21500101,
        time: object = 80000.5,
        split: str = "test",
    ) -> None:
        """Put an image into both tables."""
        keys = {"dicom_id": name, "subject_id": subject, "study_id": study}
        facts = {"ViewPosition": view, "StudyDate": date, "StudyTime": time}
        self.metadata.append({**keys, **facts})
        self.splits.append({**keys, "split": split})

    def report(self, study: int, text: str | bytes, subject: int = 10000001) -> None:
        """Put a report into its place."""
        content = text if isinstance(text, bytes) else text.encode()
        self.reports.append((f"files/p{str(subject)[:2]}/p{subject}/s{study}.txt", content))

    def study(self, study: int, findings: str = "Clear lungs.", **image: Any) -> None:
        """Put a study with one image and a report into the tree."""
        self.image(f"image-{study}", study, **image)
        self.report(study, report(findings), image.get("subject", 10000001))

    def prepare(self, *, images: Path | None = None, **choices: Any) -> Prepared:
        """Write the tree and make its studies."""
        metadata = self._table("metadata.csv.gz", self.metadata)
        splits = self._table("split.csv.gz", self.splits)
        archive = self.folder / "mimic-cxr-reports.zip"
        with zipfile.ZipFile(archive, "w") as opened:
            for name, content in self.reports:
                opened.writestr(name, content)
        output = self.folder / "out" / "studies.jsonl"
        found = prepare_mimic_cxr(archive, metadata, splits, output, images, Choices(**choices))
        lines = output.read_text(encoding="utf-8").splitlines()
        text = (self.folder / "out" / "studies.ids.csv").read_text(encoding="utf-8")
        ids = csv.DictReader(text.splitlines())
        return Prepared(found, [json.loads(line) for line in lines], list(ids))

    def _table(self, name: str, rows: Iterable[dict[str, Any]]) -> Path:
        rows = list(rows)
        path = self.folder / name
        with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path


@dataclass(frozen=True)
class Prepared:
    """The report, the studies' lines and the table of ids."""

    report: dict[str, Any]
    studies: list[dict[str, Any]]
    ids: list[dict[str, str]]

    @property
    def kept(self) -> list[str]:
        """The ids of the studies that were written."""
        return [study["study_id"] for study in self.studies]

    def dropped(self) -> dict[str, str]:
        """Return the reason for every study that was dropped."""
        return {r["study_id"]: r["reason"] for r in self.ids if r["outcome"] == "dropped"}

    def noted(self, reason: str) -> list[str]:
        """Return the samples, else studies, else patients that a remark is about."""
        rows = [r for r in self.ids if r["outcome"] == "noted" and r["reason"] == reason]
        return [r["sample"] or r["study_id"] or r["subject_id"] for r in rows]
