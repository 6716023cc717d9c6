"""``parity``: native against official engines on the user's own texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, note, print_json, print_table
from harness.cli.shared import (
    MaxLineOption,
    MetricsOption,
    ProtocolOption,
    ReferencesOption,
    SectionOption,
    SettingOption,
    SkipOption,
    split_names,
)


def parity(
    references: ReferencesOption,
    predictions: Annotated[
        Path, typer.Option("--predictions", metavar="FILE", help="One system's predictions.")
    ],
    metrics: MetricsOption = None,
    protocol: ProtocolOption = None,
    settings: SettingOption = None,
    section: SectionOption = "findings",
    skip_unavailable: SkipOption = False,
    max_line_mb: MaxLineOption = 8.0,
    as_json: JsonOption = False,
) -> None:
    """Run the official packages beside ours on your texts; exit status 1 if they differ."""
    from harness.given_settings import read_settings
    from harness.parity_run import run_parity
    from harness.scoring_plan import ScoringPlan

    plan = ScoringPlan(
        metrics=split_names(metrics),
        protocol=protocol,
        section=section,
        settings=read_settings(settings or []),
    ).available(skip_unavailable)
    table = run_parity(references, predictions, plan, max_line_mb, skip_unavailable)
    for line in table.notes:
        note(line)
    if as_json:
        print_json([row.to_dict() for row in table.rows])
    else:
        headers = ["metric", "official", "ours", "largest difference", "engine"]
        print_table(headers, [row.cells() for row in table.rows])
    if any(not row.equal for row in table.rows):
        raise typer.Exit(1)
