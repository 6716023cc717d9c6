"""Read ``${NAME}`` and ``${NAME:-default}`` in paths of a benchmark file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from harness.errors import InputError

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<fallback>:-[^}]*)?\}")


def variables(text: str) -> list[str]:
    """Return the names of the variables that a text reads.

    >>> variables("${A}/${B:-c}")
    ['A', 'B']
    """
    return [match["name"] for match in _VARIABLE.finditer(text)]


def unset_variables(text: str) -> list[str]:
    """Return the variables without which the text has no value: unset, and without a default."""
    return [
        match["name"]
        for match in _VARIABLE.finditer(text)
        if match["fallback"] is None and not os.environ.get(match["name"])
    ]


def expanded(text: str, where: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the text with its variables replaced.

    A variable that is empty counts as unset. ``where`` names the file and the field.

    Raises
    ------
    InputError
        If a variable without a default is unset, or what is left still holds ``${``.
    """
    values = os.environ if environment is None else environment

    def value(match: re.Match[str]) -> str:
        name, fallback = match["name"], match["fallback"]
        found = values.get(name)
        if found:
            return found
        if fallback is None:
            raise InputError(
                f"{where}: the environment variable {name} is not set. "
                f"Set it (`export {name}=…`), or write ${{{name}:-default}}."
            )
        return fallback[2:]

    if "${" in _VARIABLE.sub("", text):
        raise InputError(f"{where}: a variable is not written ${{NAME}} or ${{NAME:-default}}.")
    return _VARIABLE.sub(value, text)
