"""Tables and JSON on stdout, notes on stderr; text from data is never read as markup."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import Annotated, Any, Literal

import typer

from reports.text_safety import terminal_text

_NUMBER = re.compile(r"[-+\u2212\u2013]?[\d,.]*(\s?\[.*\])?$")
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def print_json(value: Any) -> None:
    """Print a value as JSON, in ASCII: what stdout cannot encode would not be JSON any more."""
    print(json.dumps(value, indent=2, allow_nan=False))


def fits(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a table is no wider than the terminal; a pipe has no width."""
    if not sys.stdout.isatty():
        return True
    widths = (max(map(len, column)) for column in zip(headers, *rows, strict=True))
    return sum(width + 3 for width in widths) <= get_terminal_size().columns


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table to stdout; columns after the first are right-aligned where all are numbers."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for position, header in enumerate(headers):
        numeric = position > 0 and all(_is_number(row[position]) for row in rows)
        justify: Literal["left", "right"] = "right" if numeric else "left"
        table.add_column(Text(terminal_text(header)), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(terminal_text(cell)) for cell in row))
    # a pipe has no width: let lines be as long as they are
    console = Console(width=None if sys.stdout.isatty() else 1_000)
    with console.capture() as captured:
        console.print(table)
    # printed by us, because rich would end the process where the reader of a pipe went away
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def note(message: str) -> None:
    """Print one line to stderr."""
    print(terminal_text(message), file=sys.stderr)


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Any]:
    """Yield a function to call with the number of steps done; silent when stderr is no terminal.

    Annotators that begin meanwhile get a bar of their own.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from metrics.annotators.progress import Advance, watched

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        disable=not (total and console.is_terminal),
    ) as progress:
        task = progress.add_task(description, total=total)

        def annotating(name: str, texts: int) -> Advance:
            own = progress.add_task(f"annotating {name}", total=texts)
            return lambda steps: progress.advance(own, steps)

        with watched(annotating):
            yield lambda steps=1: progress.advance(task, steps)


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.match(cell))
