"""``data medical-diff-vqa`` and ``data mimic-ext-vqa``: questions about MIMIC-CXR's images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.data_output import ImagesOption, StudiesOption, show_report
from harness.cli.output import JsonOption


def medical_diff_vqa(
    questions: Annotated[
        Path, typer.Option("--questions", metavar="CSV", help="mimic_pair_questions.csv")
    ],
    metadata: Annotated[
        Path,
        typer.Option(
            "--metadata",
            metavar="CSV",
            help="mimic-cxr-2.0.0-metadata.csv.gz, which tells the images of a study.",
        ),
    ],
    output: StudiesOption,
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make studies of Medical-Diff-VQA: the main image is current, the reference image prior."""
    from harness.mimic.difference_questions import prepare_medical_diff_vqa

    show_report(prepare_medical_diff_vqa(questions, metadata, output, images), as_json)


def mimic_ext_vqa(
    dataset: Annotated[
        Path,
        typer.Option(
            "--dataset",
            metavar="PATH",
            help="The folder with train.json, valid.json and test.json, or one of them.",
        ),
    ],
    output: StudiesOption,
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make studies of MIMIC-Ext-MIMIC-CXR-VQA: one image each, no prior."""
    from harness.mimic.single_questions import prepare_mimic_ext_vqa

    show_report(prepare_mimic_ext_vqa(dataset, output, images), as_json)
