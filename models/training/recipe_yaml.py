"""Read the one object that a recipe's YAML file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import InputError

if TYPE_CHECKING:
    from yaml import Node


def read_object(path: Path) -> dict[str, Any]:
    """Return the keys of a YAML file and their values.

    Raises
    ------
    InputError
        If the file cannot be read, is no YAML, has a key twice or holds anything but an object.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        _refuse_repeated(yaml.compose(text, yaml.SafeLoader), path, set())
        content = yaml.safe_load(text)
    except InputError:
        raise
    # a ValueError: no UTF-8, or a date that does not exist
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        place = getattr(error, "problem_mark", None)
        line = f" line {place.line + 1}" if place else ""
        raise InputError(f"{path}{line} cannot be read as YAML. Mend the file.") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"{path} must hold an object with the keys of a recipe.")
    return content


def _refuse_repeated(node: Node | None, path: Path, before: set[int]) -> None:
    """Refuse a key that an object has twice: YAML would take the last one in silence."""
    import yaml

    if node is None or id(node) in before:
        return
    before.add(id(node))
    members = node.value if isinstance(node, yaml.SequenceNode) else []
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, member in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in first:
                raise InputError(
                    f"{path} line {line}: the key {key.value!r} appears twice (first on line "
                    f"{first[key.value]}). Keep one."
                )
            first[str(key.value)] = line
            members = [*members, member]
    for member in members:
        _refuse_repeated(member, path, before)
