"""What an audit leaves behind: ``audit.csv``, ``audit.md`` and ``audit.json``."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.audit import Audited
from harness.result_folder import write_all
from metrics.audit.rules import TEMPLATE
from reports.audit_tables import audit_csv, audit_tables, markdown
from reports.text_safety import encodable

SCHEMA_VERSION = 1
FILES = ("audit.csv", "audit.md", "audit.json")


def write_audit(folder: Path, audited: Audited) -> None:
    """Write the files, ``audit.json`` last: where it is, the others are whole."""
    contents = {
        "audit.csv": audit_csv(audited.audit),
        "audit.md": audit_markdown(audited),
        "audit.json": json.dumps(audit_values(audited), indent=2, allow_nan=False) + "\n",
    }
    write_all(folder, contents)


def audit_values(audited: Audited) -> dict[str, Any]:
    """Return the audit as JSON holds it; undefined numbers are null."""
    audit = audited.audit
    values = {
        "schema_version": SCHEMA_VERSION,
        **audited.to_dict(),
        "template": TEMPLATE,
        "edits": [
            {"name": e.name, "kind": e.kind, "summary": e.summary, "studies": audit.applied[e.name]}
            for e in audit.edits
        ],
        "effects": [asdict(one) for one in audit.effects],
        "overall": [asdict(one) for one in audit.overall],
        "anchors": {
            metric: {
                name: {"score": s.score, "low": s.low, "high": s.high, "n": s.n}
                for name, s in scores.items()
            }
            for metric, scores in audit.anchors.items()
        },
    }
    nulled: dict[str, Any] = _null(values)
    return nulled


def audit_markdown(audited: Audited) -> str:
    """Return the tables as Markdown under a heading that says what they were made on."""
    facts = audited.to_dict()
    partial = " (a part of the file)" if facts["partial"] else ""
    head = (
        f"# Sensitivity audit\n\n{encodable(audited.request.references.name)}, {facts['section']}: "
        f"{audited.n:,} studies{partial}; resampled by {audited.unit} ({audited.n_units:,} units, "
        f"{facts['resamples']:,} resamples, seed {facts['seed']}).\n"
    )
    return "\n".join(
        [head, *(f"{note}\n" for note in audited.notes), markdown(audit_tables(audited.audit))]
    )


def _null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _null(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_null(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
