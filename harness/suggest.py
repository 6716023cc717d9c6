"""Help with a name that is not known: the nearest one that is, or all of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST = 20


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest known name, else with all of them.

    >>> suggestion("weigths", ["weights", "path"])
    "Did you mean 'weights'?"
    >>> suggestion("zzz", ["weights", "path"])
    'Known: weights, path.'
    """
    names = list(known)
    nearest = difflib.get_close_matches(name, names, n=1)
    if nearest:
        return f"Did you mean {nearest[0]!r}?"
    rest = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"Known: {', '.join(names[:_MOST])}{rest}."
