"""Read a YAML file with the safe loader, keeping the line of every field for messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import InputError
from metrics.files.quoting import quoted
from metrics.files.text_lines import text_lines

Location = tuple[str | int, ...]
"""The way to a field: keys of objects and positions in lists."""


@dataclass(frozen=True)
class YamlFile:
    """The values of a YAML file, and the line on which each field stands."""

    path: Path
    values: dict[str, Any]
    lines: dict[Location, int]

    def place(self, location: Location) -> str:
        """Return file, line and way to a field, such as ``a.yaml line 4, models[1].weigths``."""
        known = next(
            location[:end] for end in range(len(location), -1, -1) if location[:end] in self.lines
        )
        way = field_path(location)
        return f"{self.path} line {self.lines[known]}" + (f", {way}" if way else "")


def field_path(location: Location) -> str:
    """Return a way to a field in words.

    >>> field_path(("models", 1, "weights"))
    'models[1].weights'
    """
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def read_yaml(path: Path) -> YamlFile:
    """Return the one object that a YAML file holds.

    Raises
    ------
    InputError
        If the file cannot be read, is not YAML, names a key twice or holds anything else.
    """
    text = "".join(text for _, text in text_lines(path))
    try:
        values, lines = _composed(text, path)
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # e.g. a date of the 31st of February
        raise InputError(f"{path} line 1: not a YAML file ({error}). Mend it.") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} line 1: expected fields such as `name: …`. Write an object.")
    return YamlFile(path, values, lines)


def _composed(text: str, path: Path) -> tuple[Any, dict[Location, int]]:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines = dict(_walk(node, (), path))  # first: constructing merges `<<` into the nodes
        return loader.construct_document(node), lines
    finally:
        loader.dispose()


def _walk(node: yaml.Node, location: Location, path: Path) -> Iterator[tuple[Location, int]]:
    yield location, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for position, member in enumerate(node.value):
            yield from _walk(member, (*location, position), path)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, member in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                raise InputError(
                    f"{path} line {line}: the key {quoted(name)} appears twice "
                    f"(first on line {seen[name]}). Keep one."
                )
            seen[name] = line
            for inner, inner_line in _walk(member, (*location, name), path):
                yield inner, line if inner == (*location, name) else inner_line


def _not_yaml(path: Path, error: yaml.YAMLError) -> InputError:
    mark = getattr(error, "problem_mark", None)
    place = f"{path} line {mark.line + 1} column {mark.column + 1}" if mark else f"{path} line 1"
    problem = getattr(error, "problem", None) or "it has characters that YAML does not allow"
    return InputError(f"{place}: not YAML ({problem}). Mend the line.")
