"""``describe``: the definition, source and limits of one name."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.output import JsonOption, print_json


def describe(
    name: Annotated[str, typer.Argument(help="a metric, protocol, model adapter or benchmark")],
    as_json: JsonOption = False,
) -> None:
    """Show what a metric, protocol, model adapter or benchmark is and where it comes from."""
    from harness.catalogue import description

    facts = description(name)
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        text = str(value)
        print(f"{key}:\n{text}\n" if "\n" in text else f"{key}: {text}")
