"""Read the sections of the reports that studies need, and drop the studies that lack them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.datasets.context_text import SECTIONS
from harness.datasets.outcomes import Outcomes, Subject
from harness.mimic.overrides import OVERRIDDEN
from harness.mimic.report_files import Report, read_reports
from harness.mimic.section_names import Rules
from harness.mimic.sections import extract_sections, has_empty_section
from harness.mimic.tables import subjects_of

if TYPE_CHECKING:
    import pandas as pd

WantedSections = Literal["findings", "impression", "findings+impression", "any"]

_LABELLED = ("findings", "impression")
_KEPT = (*_LABELLED, *SECTIONS)

MEANINGS = {
    "overridden": "the official rules pick its findings by hand; mimic_cxr_sectioned.csv lacks it",
    "no_report": "there is no report of the study",
    "report_of_another_subject": "the report lies in the folder of another patient",
    "empty_report": "the report is empty",
    "empty_section": "the report has the heading of the section asked for, and nothing below it",
    "no_section": "the report has no section of the kind asked for",
    "study_not_in_tables": "there is a report, but neither table has the study",
    "report_repeated": "there are several reports of the study; the first counts",
    "report_not_utf8": "the report is not in UTF-8; it was read as Windows-1252",
}


@dataclass
class ReportTexts:
    """Sections by study; ``empty`` are studies whose report, or sections of it, are empty."""

    sections: dict[str, dict[str, str]] = field(default_factory=dict)
    empty: dict[str, set[str]] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    n_reports: int = 0


def read_sections(
    path: Path,
    owners: Mapping[str, str],
    lost: Collection[str],
    rules: Rules,
    outcomes: Outcomes,
    advance: Callable[[int], None],
) -> ReportTexts:
    """Return the sections of the reports of all studies in ``owners`` (study to patient).

    ``lost`` are studies that are known, but were dropped before; other reports without a study are
    dropped here.
    """
    texts = ReportTexts()
    unknown: dict[str, Subject] = {}
    for report in read_reports(path):
        texts.n_reports += 1
        advance(1)
        subject = Subject(report.study_id, report.subject_id)
        owner = owners.get(report.study_id)
        if owner is None:
            if report.study_id not in lost:
                unknown.setdefault(report.study_id, subject)
        elif owner != report.subject_id:
            texts.strangers.add(report.study_id)
        elif report.study_id in texts.sections:
            outcomes.note("report_repeated", [subject])
        else:
            _add(texts, report, rules)
            if not report.is_utf8:
                outcomes.note("report_not_utf8", [subject])
    outcomes.drop("study_not_in_tables", unknown.values())
    return texts


def keep_reported(
    current: pd.DataFrame, texts: ReportTexts, section: WantedSections, outcomes: Outcomes
) -> pd.DataFrame:
    """Return the rows of studies whose report has the section; the others are dropped."""
    import pandas as pd

    reasons = pd.Series(
        [_lack(study, texts, section) for study in current["study_id"]], current.index, dtype=object
    )
    for reason in MEANINGS:
        outcomes.drop(reason, subjects_of(current[reasons == reason]))
    return current[reasons.isna()]


def _add(texts: ReportTexts, report: Report, rules: Rules) -> None:
    found = extract_sections(report.text, rules)
    texts.sections[report.study_id] = {name: found[name] for name in _KEPT if found.get(name)}
    empty = {
        name
        for name in _LABELLED
        if name not in found and has_empty_section(report.text, name, rules)
    }
    if not report.text.strip():
        empty.add("")
    if empty:
        texts.empty[report.study_id] = empty


def _lack(study: str, texts: ReportTexts, section: WantedSections) -> str | None:
    """Return why a study cannot be kept; None if it can."""
    if study in OVERRIDDEN:
        return "overridden"
    sections = texts.sections.get(study)
    if sections is None:
        return "report_of_another_subject" if study in texts.strangers else "no_report"
    wanted = _LABELLED if section == "any" else section.split("+")
    there = [name in sections for name in wanted]
    if any(there) if section == "any" else all(there):
        return None
    empty = texts.empty.get(study, set())
    if "" in empty:
        return "empty_report"
    return "empty_section" if empty.intersection(wanted) else "no_section"
