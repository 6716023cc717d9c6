"""What a meta-evaluation leaves behind: a table, a plot, the pairs, and ``meta.json``."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.meta import Meta
from harness.radiologists import ALL
from harness.result_folder import write_all
from reports.agreement import agreement_csv, agreement_plot
from reports.text_safety import csv_text

SCHEMA_VERSION = 1
FILES = ("meta.csv", "meta.svg", "pairs.csv", "meta.json")


def write_meta(folder: Path, meta: Meta) -> None:
    """Write the files, ``meta.json`` last: where it is, the others are whole."""
    contents = {
        "meta.csv": agreement_csv(meta.agreements),
        "meta.svg": agreement_plot(meta.agreements, ALL),
        "pairs.csv": _pairs_csv(meta),
        "meta.json": json.dumps(meta_values(meta), indent=2, allow_nan=False) + "\n",
    }
    write_all(folder, contents)


def meta_values(meta: Meta) -> dict[str, Any]:
    """Return the meta-evaluation as JSON holds it; undefined numbers are null."""
    agreements = [asdict(one) for one in meta.agreements]
    for one in agreements:
        for name in ("kendall", "pearson"):
            one[name] = {k: None if _undefined(v) else v for k, v in one[name].items()}
    return {"schema_version": SCHEMA_VERSION, **meta.to_dict(), "agreements": agreements}


def _pairs_csv(meta: Meta) -> str:
    """Return mean error counts and scores per pair, floats in full; no text of a report."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    kinds = meta.counts.by_kind
    errors = [f"errors_{kind}" for kind in kinds]
    writer.writerow(["study", "candidate", *errors, *(csv_text(name) for name in meta.scores)])
    for row, pair in enumerate(meta.counts.pairs):
        values = [*(found[pair] for found in kinds.values())]
        values += [float(scores[row]) for scores in meta.scores.values()]
        cells = ["" if math.isnan(value) else repr(value) for value in values]
        writer.writerow([*(csv_text(name) for name in pair), *cells])
    return buffer.getvalue()


def _undefined(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
