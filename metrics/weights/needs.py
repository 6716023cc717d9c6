"""What scores that need weights lack on this machine, said before anything slow starts."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from metrics.errors import MissingError
from metrics.weights.places import find, how_to_get

_PACKAGES = ("torch", "transformers")
INSTALL = 'pip install "cxr-harness[models]"'


def absent_packages() -> list[str]:
    """Return the packages that load weights and are not installed."""
    return [name for name in _PACKAGES if find_spec(name) is None]


def absent(names: Sequence[str]) -> list[str]:
    """Return the weights that are not on this machine."""
    return [name for name in names if find(name) is None]


def refuse_absent(names: Sequence[str]) -> None:
    """Raise MissingError if weights, or the packages that load them, are not on this machine.

    One message names them all, with the commands that get them.
    """
    if not names:
        return
    lines = []
    if packages := absent_packages():
        lines.append(f"Not installed: {', '.join(packages)}. Install with `{INSTALL}`.")
    if weights := absent(names):
        lines.append(how_to_get(weights))
    if lines:
        raise MissingError("\n".join(lines))
