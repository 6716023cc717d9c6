"""``data``: raw data to studies JSONL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.data_mimic import mimic_cxr
from harness.cli.output import JsonOption
from harness.cli.shared import print_paths

app = typer.Typer(help="Make studies JSONL from raw data.", no_args_is_help=True)


app.command("mimic-cxr")(mimic_cxr)


@app.callback()
def data() -> None:
    """Make studies JSONL from raw data."""


@app.command()
def phantoms(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="The folder to make.")],
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    patients: Annotated[int, typer.Option("--patients", min=1)] = 100,
    as_json: JsonOption = False,
) -> None:
    """Draw synthetic chest radiographs of changing findings, with reports and the truth."""
    from benchmarks.phantoms import write_phantoms

    write_phantoms(output, seed=seed, patients=patients)
    print_paths({path.stem: path for path in sorted(output.glob("*.jsonl"))}, as_json)
