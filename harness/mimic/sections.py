"""Cut a report of MIMIC-CXR into its sections, as the official parser does, or as Libra's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from harness.errors import InputError
from harness.mimic.section_names import Rules, section_name

_HEADING = re.compile(r"\n ([A-Z ()/,-]+):\s")
_BLANK_LINE = "\n \n"
_LABELLED = ("impression", "findings")


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its name, where its text starts in the report, and the text as it stands."""

    name: str
    start: int
    text: str


def extract_sections(text: str, rules: Rules = "libra") -> dict[str, str]:
    r"""Return the sections of a report by name, stripped; of several of a name the last.

    A heading is a line that starts with a blank and holds only capitals up to a colon. What stands
    before the first one is ``preamble``; a report without headings is a ``full report``. Empty
    findings and impressions are left out. Where a report has neither, what follows the first blank
    line of its last section is its ``last_paragraph``.

    Parameters
    ----------
    text
        The report as its file holds it.
    rules
        ``official``: the parser of MIT-LCP/mimic-cxr (txt/section_parser.py); ``libra``: Libra's
        copy, which also takes indication and technique from longer headings.

    Raises
    ------
    InputError
        If there are no such rules.

    >>> extract_sections("FINAL REPORT\n HISTORY:  Cough.\n \n FINDINGS:  Clear.\n")
    {'preamble': 'FINAL REPORT', 'history': 'Cough.', 'findings': 'Clear.'}
    """
    return {section.name: section.text.strip() for section in split_report(text, rules)}


def split_report(text: str, rules: Rules) -> list[Section]:
    """Return the sections of a report in its order, as ``extract_sections`` understands them.

    Raises
    ------
    InputError
        If there are no such rules.
    """
    if rules not in get_args(Rules):
        raise InputError(f"There are no rules {rules!r} for sections. Choose libra or official.")
    sections = [
        section
        for section in _as_written(text, rules)
        if section.name not in _LABELLED or section.text.strip()
    ]
    if not any(section.name in _LABELLED for section in sections):
        return [*sections[:-1], *_last_paragraph(sections[-1])]
    return sections


def has_empty_section(text: str, name: str, rules: Rules) -> bool:
    """Whether a report has a heading of this section with nothing below it."""
    return any(s.name == name and not s.text.strip() for s in _as_written(text, rules))


def _as_written(text: str, rules: Rules) -> list[Section]:
    found = _headings(text)
    if not found:
        return [Section("full report", 0, text)]
    ends = [heading.start() for heading in found[1:]] + [len(text)]
    return [
        Section("preamble", 0, text[: found[0].start(1)]),
        *(
            Section(section_name(heading[1], rules), heading.end(), text[heading.end() : end])
            for heading, end in zip(found, ends, strict=True)
        ),
    ]


def _headings(text: str) -> Sequence[re.Match[str]]:
    found = []
    heading = _HEADING.search(text)
    while heading:
        found.append(heading)
        # the rest of the heading's line is skipped, so that it cannot begin the next one
        newline = text.find("\n", heading.end())
        heading = _HEADING.search(text, max(newline, heading.end()))
    return found


def _last_paragraph(section: Section) -> list[Section]:
    first, blank, rest = section.text.partition(_BLANK_LINE)
    if not blank:
        return [section]
    # the start that the original gives: it forgets the blank line
    return [
        Section(section.name, section.start, first),
        Section("last_paragraph", section.start + len(first), rest),
    ]
