"""``describe``: the definition, source and limits of one name."""

from __future__ import annotations

from textwrap import indent
from typing import Annotated, Any

import typer

from harness.cli.output import JsonOption, print_json


def describe(
    name: Annotated[
        str, typer.Argument(help="a metric, protocol, model adapter, benchmark or recipe")
    ],
    as_json: JsonOption = False,
) -> None:
    """Show what a metric, protocol, adapter, benchmark or recipe is and where it comes from."""
    from harness.catalogue import description

    facts = description(name)
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        text = _text(value)
        is_block = "\n" in text or isinstance(value, dict)
        print(f"{key}:\n{text}\n" if is_block else f"{key}: {text}")


def _text(value: Any) -> str:
    """Return a value in lines; objects and lists have one line or more for each member."""
    if isinstance(value, dict) and value:
        lines = [f"{name}: {_below(str(one))}" for name, one in value.items()]
        return indent("\n".join(lines), "    ")
    if isinstance(value, list) and len(value) > 1:
        return indent("\n".join(map(str, value)), "    ")
    return str(value[0]) if isinstance(value, list) and value else str(value)


def _below(text: str) -> str:
    return f"\n{indent(text, '    ')}" if "\n" in text else text
