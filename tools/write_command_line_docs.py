"""Write the reference part of docs/command_line.md from the options that the verbs declare.

    python tools/write_command_line_docs.py          # rewrite the page
    python tools/write_command_line_docs.py --check  # exit 1 if the page is out of date

Only what stands below the marker is generated; the text above it is written by hand.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import ArgumentInfo, OptionInfo

from harness.cli.app import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "command_line.md"
MARKER = "<!-- generated below by tools/write_command_line_docs.py -->"
_VALUES = {int: "N", float: "X", str: "NAME"}


@dataclass(frozen=True)
class Parameter:
    """One argument or option of a verb, as the user sees it."""

    name: str
    value: str
    help: str
    default: Any
    is_option: bool

    @property
    def required(self) -> bool:
        """Whether the verb does not run without it."""
        return self.default is inspect.Parameter.empty

    @property
    def usage(self) -> str:
        """How it is written on a command line."""
        return f"{self.name} {self.value}".strip()


def reference() -> str:
    """Return one section per verb, in the order of ``--help``."""
    return "\n".join(section(name, function) for name, function in verbs(app))


def verbs(group: typer.Typer, prefix: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield name and function of every verb."""
    for command in group.registered_commands:
        if command.callback is not None:
            yield f"{prefix}{command.name or command.callback.__name__}", command.callback
    for info in group.registered_groups:
        if info.typer_instance is not None:
            yield from verbs(info.typer_instance, f"{prefix}{info.name} ")


def section(name: str, function: Callable[..., Any]) -> str:
    """Return the heading, the usage and the options of one verb."""
    found = list(parameters(function))
    arguments = [p for p in found if not p.is_option]
    options = [p for p in found if p.is_option]
    words = [p.usage for p in arguments if p.required]
    words += [p.usage for p in options if p.required] + ["[OPTIONS]"]
    words += [p.usage for p in arguments if not p.required]
    lines = [f"### {name}", "", inspect.cleandoc(function.__doc__ or ""), ""]
    lines += [f"    cxr-harness {name} {' '.join(words)}", ""]
    lines += ["| argument or option | meaning | default |", "|---|---|---|"]
    return "\n".join([*lines, *(_row(p) for p in [*arguments, *options]), ""])


def parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    """Yield the parameters of a verb in the order of its signature."""
    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        if hints[name] is typer.Context:
            continue  # typer's own, which nobody types
        kind, *facts = typing.get_args(hints[name])
        if typing.get_origin(hints[name]) is not Annotated:
            raise TypeError(f"{function.__name__}: {name} is not Annotated.")
        info = next(f for f in facts if isinstance(f, OptionInfo | ArgumentInfo))
        yield _parameter(name, kind, info, parameter.default)


def _parameter(name: str, kind: Any, info: OptionInfo | ArgumentInfo, default: Any) -> Parameter:
    is_option = isinstance(info, OptionInfo)
    # inside Annotated, typer keeps the first name where the default would be
    named = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
    declared = next(iter(named), f"--{name.replace('_', '-')}")
    value = info.metavar or ("" if kind is bool else _value(kind))
    if not is_option:
        declared, value = "", info.metavar or name.upper()
    return Parameter(declared, value, info.help or "", default, is_option)


def _value(kind: Any) -> str:
    plain = next((one for one in typing.get_args(kind) if one is not type(None)), kind)
    if typing.get_origin(plain) is list:
        plain = typing.get_args(plain)[0]
    if isinstance(plain, type) and issubclass(plain, Enum):
        return "|".join(str(one.value) for one in plain)
    return _VALUES.get(plain, "NAME")


def _row(parameter: Parameter) -> str:
    usage, meaning = (text.replace("|", "\\|") for text in (parameter.usage, parameter.help))
    return f"| `{usage}` | {meaning} | {_default(parameter)} |"


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    if parameter.default is None or parameter.default is False:
        return ""
    return f"`{getattr(parameter.default, 'value', parameter.default)}`"


def page(text: str) -> str:
    """Return the page with its generated part renewed."""
    written, _, _ = text.partition(MARKER)
    return f"{written}{MARKER}\n\n{reference()}"


def main() -> int:
    """Rewrite the page, or check it; return the exit status."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(text), encoding="utf-8")
        return 0
    if text == page(text):
        return 0
    print(f"{PAGE} is out of date. Run `python {Path(__file__)}`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
