"""A report in which every text that comes from outside is an attack."""

from __future__ import annotations

from dataclasses import replace

from metrics.metric import Span
from reports.report_data import (
    DirectionTable,
    HallucinationRow,
    ReportData,
    StudyLabels,
    TemporalSection,
)
from tests.reports.factory import PERFORMANCE, conditions, prior, report, score
from tests.reports.study_factory import png

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    '"><img src="https://example.org/x.png" onerror=alert(3)>',
    "<!--<script>",
    "javascript:alert(4)",
    "{{ 7*7 }}{% raw %}",
    "[/red]\x1b[31m",
    "=1+1",
    "\u202eevil\u202c\u200f",
    "\x00\x07\x9b",
    "lone \ud800 surrogate \udc00",
    "line\u2028and\u2029ends\r\n",
    "astral 𝒳 and 🫁",
    "a" * 300,
    "__proto__",
    "&amp;&lt;",
)


def hostile_report() -> ReportData:
    """Return a report in which every text that comes from outside is an attack."""
    plain = report(systems=HOSTILE[:5], n_studies=len(HOSTILE), length=1)
    texts = " ".join(HOSTILE)
    first = plain.studies[0]
    studies = [
        replace(
            first,
            sample_id=text,
            tags={"has_prior": "yes", text: text},
            context={text: text},
            references=[text, texts],
            images=[(text, png(1))],
            predictions={system: texts + text for system in HOSTILE[:5]},
            labels=StudyLabels([[0] * 14] * 2, {text: [1] * 14 for text in HOSTILE[:5]}),
            spans={
                system: [
                    ("temporal_f1", Span("prediction", 3, len(text) // 2 + 3, "invented", text))
                ]
                for system in HOSTILE[:5]
            },
        )
        for text in HOSTILE
    ]
    return replace(
        plain,
        title=texts,
        command=HOSTILE[1],
        table=replace(plain.table, benchmark=HOSTILE[2], test_set=HOSTILE[3]),
        soundness=[replace(one, reasons=HOSTILE) for one in plain.soundness],
        facts=[(text, text) for text in HOSTILE],
        slices=[replace(one, slice_name=HOSTILE[2], value=HOSTILE[1]) for one in plain.slices],
        temporal=TemporalSection(
            [DirectionTable(HOSTILE[0], HOSTILE[:2], [[1, 2], [3, 4]])],
            [HallucinationRow(HOSTILE[0], HOSTILE[1], score(0.2), None)],
        ),
        prior=prior(HOSTILE[0], text_only=[HOSTILE[0]]),
        conditions=[replace(conditions("", 0, 300), system=text) for text in HOSTILE[:5]],
        performance={text: {**PERFORMANCE, "device": text, "dtype": text} for text in HOSTILE[:5]},
        studies=studies,
        studies_note=texts,
        notes=HOSTILE,
    )
