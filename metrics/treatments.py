"""Text treatments: what is done to both sides before a metric sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from metrics.errors import InputError


def _libra() -> Callable[[str], str]:
    from metrics.tokens.libra_text import lower_and_clean

    return lower_and_clean


def _single_spaces() -> Callable[[str], str]:
    return partial(re.compile(" +").sub, " ")


_TREATMENTS: dict[str, Callable[[], Callable[[str], str]] | None] = {
    "raw": None,
    "libra": _libra,
    "single_spaces": _single_spaces,
}


def treatment(name: str) -> Callable[[str], str] | None:
    """Return the named preparation, or None where texts stay as they are.

    Raises
    ------
    InputError
        If no treatment has this name.
    """
    if name not in _TREATMENTS:
        raise InputError(f"Unknown text treatment {name!r}. Known: {', '.join(_TREATMENTS)}.")
    load = _TREATMENTS[name]
    return None if load is None else load()
