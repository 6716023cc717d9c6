"""``leaderboard``: one table over many runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Form(StrEnum):
    """Which columns a leaderboard has."""

    ours = "ours"
    libra = "libra"


def leaderboard(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Scored runs.")],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write there, not to stdout.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="ours, or Libra's columns")] = Form.ours,
) -> None:
    """Write one CSV over many runs; partial runs and mixed test sets are refused."""
    from harness.leaderboards import leaderboard_text, write_leaderboard

    text = leaderboard_text(directories, form.value)
    if output is None:
        print(text, end="")
    else:
        write_leaderboard(output, text)
        print(f"leaderboard: {output}")
