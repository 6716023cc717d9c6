"""``reference-env``: the official clinical packages, in an environment of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, note, print_json

app = typer.Typer(
    help="Make the environment in which the official clinical packages run.", no_args_is_help=True
)


@app.callback()
def reference_env() -> None:
    """Make the environment in which the official clinical packages run."""


@app.command()
def create(
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Where, if not in the cache folder."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Install radgraph, f1chexbert and bert-score apart from all else; `parity` asks them."""
    from harness.reference_env import create_reference_env
    from metrics.official.clinical import reference_folder

    made, versions = create_reference_env(folder, note)
    if as_json:
        print_json({"folder": str(made), "versions": versions})
        return
    print(f"{made}: {', '.join(f'{name} {version}' for name, version in versions.items())}")
    if made != reference_folder().absolute():
        note(f"Set CXR_HARNESS_REFERENCE_ENV={made}, so that it is found there.")
