"""``parity``: native against official engines on the user's own texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, print_json, print_table
from harness.cli.shared import (
    MaxLineOption,
    MetricsOption,
    ProtocolOption,
    ReferencesOption,
    SectionOption,
    split_names,
)


def parity(
    references: ReferencesOption,
    predictions: Annotated[
        Path, typer.Option("--predictions", metavar="FILE", help="One system's predictions.")
    ],
    metrics: MetricsOption = None,
    protocol: ProtocolOption = None,
    section: SectionOption = "findings",
    max_line_mb: MaxLineOption = 8.0,
    as_json: JsonOption = False,
) -> None:
    """Run the official packages beside ours on your texts; exit status 1 if they differ."""
    from harness.parity_run import parity_rows

    rows = parity_rows(
        references, predictions, split_names(metrics), protocol, section, max_line_mb
    )
    if as_json:
        print_json([row.to_dict() for row in rows])
    else:
        headers = ["metric", "official", "ours", "largest difference", "engine"]
        print_table(headers, [row.cells() for row in rows])
    if any(not row.equal for row in rows):
        raise typer.Exit(1)
