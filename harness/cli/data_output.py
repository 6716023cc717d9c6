"""What the data verbs share: their output option, and the account that they print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.output import print_json, print_table

StudiesOption = Annotated[
    Path,
    typer.Option(
        "--output",
        metavar="PATH",
        help="A file FILE.jsonl for all studies, or a folder for one file per split.",
    ),
]
ImagesOption = Annotated[
    Path | None,
    typer.Option(
        "--images", metavar="DIR", help="The folder of the images: missing ones are left out."
    ),
]


def show_report(report: Mapping[str, Any], as_json: bool) -> None:
    """Print what a preparation kept, dropped and noted, and where its files are."""
    if as_json:
        print_json(report)
        return
    kept, dropped = report["kept"], report["dropped"]
    splits = [(f"kept, {name}", n) for name, n in kept["by_split"].items() if name]
    counted = [("kept", kept["total"]), *splits, ("with a prior image", kept["with_prior"])]
    rows = [[name, f"{count:,}", ""] for name, count in counted]
    for word, reasons in (("dropped", dropped["reasons"]), ("noted", report["noted"])):
        rows += [
            [f"{word}: {reason}", f"{one['count']:,}", one["meaning"]]
            for reason, one in reasons.items()
        ]
    print_table(["", "studies", "meaning"], rows)
    if folder := report["settings"].get("images"):
        print(f"image paths start at {folder}")
    for path in (*report["files"]["studies"], report["files"]["ids"], report["files"]["report"]):
        print(path)
