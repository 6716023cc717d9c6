"""``data libra``: Libra's training records and question files, in both directions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from harness.cli.data_output import show_report
from harness.cli.output import JsonOption

if TYPE_CHECKING:
    from harness.datasets.libra_data import Target


def libra(
    source: Annotated[
        Path, typer.Option("--input", metavar="FILE", help="Libra's file, or studies.")
    ],
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="The file to write.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="studies, or from studies train (records to train on) or questions (to evaluate).",
        ),
    ] = "studies",
    section: Annotated[
        str, typer.Option("--section", help="What studies are asked for: findings or impression.")
    ] = "findings",
    as_json: JsonOption = False,
) -> None:
    """Convert Libra's train, valid and eval files to studies, or studies to them."""
    from harness.datasets.libra_data import convert_libra

    show_report(convert_libra(source, output, cast("Target", to), section), as_json)
