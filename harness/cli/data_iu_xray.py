"""``data iu-xray``: Open-I's reports, or ReXrank's lists of them, to studies JSONL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.data_output import ImagesOption, StudiesOption, show_report
from harness.cli.output import JsonOption


def iu_xray(
    reports: Annotated[
        Path,
        typer.Option(
            "--reports",
            metavar="PATH",
            help="Open-I's folder ecgen-radiology, or the folder or file of ReXrank's JSON.",
        ),
    ],
    output: StudiesOption,
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make studies of IU X-ray, from Open-I's XML or ReXrank's JSON."""
    from harness.datasets.open_i import prepare_iu_xray

    show_report(prepare_iu_xray(reports, output, images), as_json)
