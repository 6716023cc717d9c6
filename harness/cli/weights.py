"""``weights``: which weight files there are, put in their place and tried."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, print_json, print_table

app = typer.Typer(
    help="List the weights of metrics and models, import and verify them.", no_args_is_help=True
)


@app.command("list")
def list_weights(as_json: JsonOption = False) -> None:
    """Show every weight file that a metric or model needs, and whether it is on this machine."""
    from harness.all_weights import all_weights

    rows = all_weights()
    if as_json:
        print_json([vars(row) for row in rows])
        return
    headers = ["name", "here", "unlocks", "size", "licence", "official place", "SHA-256"]
    cells = [
        [
            row.name,
            row.place or "no",
            row.unlocks,
            row.size,
            row.licence,
            row.page,
            row.sha256 or "not published",
        ]
        for row in rows
    ]
    print_table(headers, cells)
    print(
        "`hf download REPOSITORY [FILE]` gets one; `cxr-harness weights import PATH` puts it here."
    )


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="What you downloaded.")],
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Which weights these are, if not as named."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a downloaded file or folder and copy it to where metrics look for it."""
    from metrics.weights import absent_packages, import_weights, sha256

    wanted, place = import_weights(path, name)
    digest = sha256(wanted.name)
    if as_json:
        print_json({"name": wanted.name, "place": str(place), "sha256": digest})
        return
    print(f"{wanted.name}: {place}")
    print(f"SHA-256: {digest}")
    if packages := absent_packages():
        print(f"not tried, without {' and '.join(packages)}")


@app.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Weights of `weights list`; all if none."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Load weights of metrics as scoring does; status 2: one is broken, 3: a named one missing."""
    from metrics.weights import verify

    found = verify(names)
    if as_json:
        print_json([vars(one) for one in found])
    else:
        print_table(["name", "state", "detail"], [[o.name, o.state, o.detail] for o in found])
    states = {one.state for one in found}
    if "broken" in states:
        raise typer.Exit(2)
    if names and "missing" in states:
        raise typer.Exit(3)
