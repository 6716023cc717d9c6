"""``cache``: what annotators said of texts, kept between runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption, note, print_json, print_table

app = typer.Typer(help="Look at, clear or export the annotation cache.", no_args_is_help=True)


_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


@app.command()
def info(as_json: JsonOption = False) -> None:
    """Show where the annotation cache is and how many annotations it holds."""
    from harness.annotations import cache_info

    found = cache_info()
    if as_json:
        kept = [vars(one) for one in found.kept]
        print_json({"path": str(found.path), "size_bytes": found.size_bytes, "annotators": kept})
        return
    if found.kept:
        rows = [
            [one.annotator, f"{one.annotations:,}", _HASH.sub(r"\1…", one.signature)]
            for one in found.kept
        ]
        print_table(["annotator", "annotations", "signature"], rows)
    print(f"{found.path}: {found.size_bytes / 1e6:,.1f} MB")


@app.command()
def clear(
    annotator: Annotated[
        str | None, typer.Option("--annotator", metavar="NAME", help="Only those of this one.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove annotations; texts are annotated again when they are next scored."""
    from harness.annotations import chosen, clear
    from harness.errors import InputError

    kept = chosen(annotator)
    count = sum(one.annotations for one in kept)
    if kept and not yes:
        if not sys.stdin.isatty():
            raise InputError(f"This would remove {count:,} annotations. Give --yes to do so.")
        typer.confirm(f"Remove {count:,} annotations?", abort=True, err=True)
    removed = clear(kept)
    if as_json:
        print_json({"removed": removed})
    else:
        print(f"{removed:,} annotations removed")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The JSON lines to write.")],
    as_json: JsonOption = False,
) -> None:
    """Write all annotations as JSON lines: signature, SHA-256 of the text, annotation."""
    from harness.annotations import export

    count = export(file)
    if as_json:
        print_json({"annotations": count, "file": str(file)})
        return
    print(f"{file}: {count:,} annotations")
    note("The file holds words of reports: treat it as the reports themselves.")
