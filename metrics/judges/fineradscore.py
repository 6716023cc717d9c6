"""FineRadScore-style: the corrections that a report needs, weighed by their severity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metrics.errors import InputError

_SEVERITIES = (1, 2, 3, 4)


def severities(verdict: Mapping[str, Any]) -> list[int]:
    """Return the severity of each correction, 1 to 4, as the judge listed them.

    Raises
    ------
    InputError
        If the verdict is no list of corrections with a severity each.
    """
    try:
        found = [correction["severity"] for correction in verdict["corrections"]]
    except (KeyError, TypeError):
        found = [None]
    if any(type(one) is not int or one not in _SEVERITIES for one in found):
        raise InputError(
            "A FineRadScore verdict is not a list of corrections with a severity from 1 to 4 each."
        )
    return found
