"""Show names from a file in a message: on one line, short, whatever they hold."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST = 60
_MOST = 3


def quoted(name: str) -> str:
    """Return the name in quotes, control characters escaped, cut where it is long."""
    return repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…")


def listed(names: Sequence[str]) -> str:
    """Return the first few names in quotes, and how many more there are.

    >>> listed(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c' and 2 more"
    """
    shown = ", ".join(quoted(name) for name in names[:_MOST])
    left = len(names) - _MOST
    return f"{shown} and {left:,} more" if left > 0 else shown
