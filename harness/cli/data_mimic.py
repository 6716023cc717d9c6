"""``data mimic-cxr``: the folders of MIMIC-CXR to studies JSONL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from harness.cli.data_output import ImagesOption, StudiesOption, show_report
from harness.cli.output import JsonOption, progress_bar

if TYPE_CHECKING:
    from harness.mimic.priors import Method
    from harness.mimic.report_sections import WantedSections
    from harness.mimic.section_names import Rules
    from harness.mimic.views import Views


def mimic_cxr(
    reports: Annotated[
        Path,
        typer.Option(
            "--reports", metavar="PATH", help="mimic-cxr-reports.zip, or its unpacked folder."
        ),
    ],
    metadata: Annotated[
        Path,
        typer.Option("--metadata", metavar="CSV", help="mimic-cxr-2.0.0-metadata.csv.gz"),
    ],
    splits: Annotated[
        Path, typer.Option("--splits", metavar="CSV", help="mimic-cxr-2.0.0-split.csv.gz")
    ],
    output: StudiesOption,
    images: ImagesOption = None,
    rules: Annotated[str, typer.Option("--rules", help="Rules of sections: libra or official.")] = (
        "libra"
    ),
    priors: Annotated[
        str,
        typer.Option("--priors", help="How priors are found: published (as Libra's) or strict."),
    ] = "published",
    views: Annotated[
        str, typer.Option("--views", help="all, or frontal: PA and AP images only.")
    ] = "all",
    section: Annotated[
        str,
        typer.Option(
            "--section",
            help="What a report must have: findings, impression, findings+impression or any.",
        ),
    ] = "findings",
    as_json: JsonOption = False,
) -> None:
    """Make studies of MIMIC-CXR: sections, official splits, current and prior images.

    The current image is the first by view (PA, AP, then others) and name.
    """
    from harness.mimic.studies import Choices, prepare_mimic_cxr

    choices = Choices(
        cast("Rules", rules),
        cast("Method", priors),
        cast("Views", views),
        cast("WantedSections", section),
    )
    report = prepare_mimic_cxr(reports, metadata, splits, output, images, choices, progress_bar)
    show_report(report, as_json)
