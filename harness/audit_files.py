"""What an audit leaves behind: ``audit.csv``, ``audit.md`` and ``audit.json``."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.atomic import write_text
from harness.audit import Audited
from harness.disk_errors import explained
from harness.errors import InputError
from metrics.audit.rules import TEMPLATE
from reports.audit_tables import audit_csv, audit_tables, markdown
from reports.text_safety import encodable

SCHEMA_VERSION = 1
FILES = ("audit.csv", "audit.md", "audit.json")


def check_folder(folder: Path, fresh: bool) -> None:
    """Refuse a folder that holds anything but an audit to be replaced.

    Raises
    ------
    InputError
        If it is no folder, or holds foreign files, or an audit and ``fresh`` is not set.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder. Choose another --output.")
    held = {path.name for path in folder.iterdir()}
    if held - set(FILES):
        raise InputError(f"{folder} holds other files. Choose a new folder as --output.")
    if held and not fresh:
        raise InputError(f"{folder} holds an audit. Replace it with --fresh, or choose another.")


def write_audit(folder: Path, audited: Audited) -> None:
    """Write the files, ``audit.json`` last: where it is, the others are whole."""
    contents = {
        "audit.csv": audit_csv(audited.audit),
        "audit.md": audit_markdown(audited),
        "audit.json": json.dumps(audit_values(audited), indent=2, allow_nan=False) + "\n",
    }
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            write_text(folder / name, text)


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
