"""``compare``: paired tests between scored systems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, fits, note, print_json, print_table


def compare(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="One or more scored run folders.")
    ],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Only this metric; repeatable.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="NAME", help="Compare each with this.")
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="Randomisation trials.")] = 10_000,
    as_json: JsonOption = False,
) -> None:
    """Test differences between systems on the same studies; p-values corrected after Holm."""
    from harness.comparing import LEGEND, compare_runs, json_rows, table_rows

    found = compare_runs(directories, metric, baseline, trials)
    for message in found.notes:
        note(message)
    if as_json:
        print_json(json_rows(found))
        return
    headers, rows = table_rows(found)
    if not fits(headers, rows):
        kept = [headers.index(name) for name in ("metric", "a", "b", "a - b", "p Holm")]
        headers = [headers[i] for i in kept]
        rows = [[row[i] for i in kept] for row in rows]
    print_table(headers, rows)
    print(LEGEND)
