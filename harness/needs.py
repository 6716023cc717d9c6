"""What a benchmark needs that its file cannot bring along, and how to get it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from harness.environment import unset_variables, variables
from harness.errors import InputError, MissingError
from harness.suggest import suggestion

if TYPE_CHECKING:
    from harness.yaml_file import Location, YamlFile


@dataclass(frozen=True)
class HowToGet:
    """Steps that lead to what a benchmark needs.

    ``paths`` has them by the path that a field of the file names, ``images`` holds those for the
    image folder, which the file may leave open.
    """

    paths: Mapping[Path, str] = field(default_factory=dict)
    images: str = ""

    def refuse_absent(self, path: Path) -> None:
        """Raise MissingError if nothing is at a path that there are steps for."""
        if path in self.paths and not path.exists():
            raise MissingError(f"{path} does not exist.\n\n{self.paths[path]}")


def steps_by_variable(file: YamlFile, written: Mapping[Location, str]) -> dict[str, str]:
    """Return ``needs`` of a benchmark file by variable, ready to be printed.

    ``written`` holds the fields that may read variables, as the file has them.

    Raises
    ------
    InputError
        If none of these fields reads a variable that ``needs`` names.
    """
    needs = file.values.get("needs")
    found: dict[str, Any] = needs if isinstance(needs, dict) else {}
    used = {name for text in written.values() for name in variables(text)}
    for name in found:
        if name not in used:
            raise InputError(
                f"{file.place(('needs', name))}: no path of the file reads the variable "
                f"{name!r}. {suggestion(str(name), sorted(used))}"
            )
    return {
        name: f"Set {name}:\n{indent(text.strip(), '  ')}"
        for name, text in found.items()
        if isinstance(text, str)
    }


def how_to_get(
    written: Mapping[Location, str],
    values: Mapping[Location, str | None],
    steps: Mapping[str, str],
    folder: Path,
) -> HowToGet:
    """Return the steps of the fields that read needed variables.

    ``values`` holds the fields of ``written`` with their variables replaced; relative ones start
    at ``folder``.
    """
    found = {
        location: "\n\n".join(texts)
        for location, text in written.items()
        if (texts := [steps[name] for name in variables(text) if name in steps])
    }
    paths = {
        folder / Path(path).expanduser(): text
        for location, text in found.items()
        if (path := values[location])
    }
    return HowToGet(paths, found.get(("data", "images"), ""))


def refuse_unset(file: YamlFile, written: Mapping[Location, str], steps: Mapping[str, str]) -> None:
    """Raise MissingError if a needed variable is not set.

    The message has the steps for all that are not set, those with a default too.
    """
    lacking = {name for text in written.values() for name in unset_variables(text)}
    if lacking.isdisjoint(steps):
        return
    what = f"{file.path} needs data that are not there."
    unset = [text for name, text in steps.items() if unset_variables(f"${{{name}}}")]
    raise MissingError("\n\n".join([what, *unset]))
