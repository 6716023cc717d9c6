"""``data rexgradient``: the metadata of ReXGradient-160K to studies JSONL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.data_output import ImagesOption, StudiesOption, show_report
from harness.cli.output import JsonOption


def rexgradient(
    metadata: Annotated[
        Path,
        typer.Option(
            "--metadata",
            metavar="PATH",
            help="The folder with test_metadata_view_position.json …, or one such file.",
        ),
    ],
    output: StudiesOption,
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make studies of ReXGradient-160K; priors are strict, by date."""
    from harness.datasets.rexgradient import prepare_rexgradient

    show_report(prepare_rexgradient(metadata, output, images), as_json)
