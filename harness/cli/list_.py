"""``list``: what there is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from harness.cli.output import JsonOption, print_json, print_table


class Kind(StrEnum):
    """What can be listed."""

    metrics = "metrics"
    models = "models"
    benchmarks = "benchmarks"
    protocols = "protocols"
    recipes = "recipes"


def list_names(
    kind: Annotated[Kind, typer.Argument(help="metrics, models, benchmarks, protocols or recipes")],
    as_json: JsonOption = False,
) -> None:
    """Show the metrics, model adapters, bundled benchmarks and recipes, or protocols there are."""
    from harness.catalogue import catalogue

    rows = catalogue(kind.value)
    if as_json:
        print_json(rows)
        return
    headers = list(rows[0]) if rows else []
    print_table(headers, [[str(row[h]) for h in headers] for row in rows])
