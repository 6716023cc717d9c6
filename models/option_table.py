"""What an adapter's options are, read off its dataclass: name, type, default and meaning."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from itertools import pairwise
from typing import Any, get_args, get_type_hints

_MOST_CHARACTERS = 60
"""Of a default that is shown."""


@dataclass(frozen=True)
class OptionRow:
    """One option; ``default`` is its value as Python writes it, None where it must be given.

    Options inside options are named ``outer.inner``.
    """

    name: str
    type: str
    default: str | None
    meaning: str

    def __str__(self) -> str:
        """Return the option in two lines."""
        default = " (must be given)" if self.default is None else f" = {self.default}"
        return f"{self.name}: {self.type}{default}\n    {self.meaning}".rstrip()


def option_table(kind: type[Any], prefix: str = "") -> list[OptionRow]:
    """Return a row per option of a dataclass; its meaning is the string that follows the field."""
    return list(_rows(kind, prefix))


def _rows(kind: type[Any], prefix: str) -> Iterator[OptionRow]:
    meanings = _meanings(kind)
    types = get_type_hints(kind)
    for field in fields(kind):
        name, meaning = prefix + field.name, meanings.get(field.name, "")
        yield OptionRow(name, _type(field), _default(field), meaning)
        for inner in (types[field.name], *get_args(types[field.name])):
            if isinstance(inner, type) and is_dataclass(inner):
                yield from _rows(inner, f"{name}.")


def _type(field: Field[Any]) -> str:
    return field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)


def _default(field: Field[Any]) -> str | None:
    if field.default is MISSING and field.default_factory is MISSING:
        return None
    value = field.default if field.default_factory is MISSING else field.default_factory()
    shown = "as below" if is_dataclass(value) else repr(value)
    return textwrap.shorten(shown, _MOST_CHARACTERS, placeholder=" …")


def _meanings(kind: type[Any]) -> dict[str, str]:
    """Return the strings that follow the fields of a class and its bases, each as one line."""
    found: dict[str, str] = {}
    for one in reversed([base for base in kind.__mro__ if is_dataclass(base)]):
        try:
            (body,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        except (OSError, TypeError):  # a class that was made without a file
            continue
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, after in pairwise(statements):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                match after:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        found[field.target.id] = " ".join(text.split())
    return found
