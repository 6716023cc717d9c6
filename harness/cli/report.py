"""``report``: build the HTML report again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption
from harness.cli.shared import print_paths


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A scored run folder.")],
    shareable: Annotated[
        bool, typer.Option("--shareable", help="Without texts and images, with hashed ids.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the HTML report of a run again; `--shareable` writes report.shareable.html."""
    from harness.report_again import report_again

    print_paths({"report": report_again(directory, shareable)}, as_json)
