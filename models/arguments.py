"""Check what Python callers give: a wrong type is one clear error, not a traceback from inside."""

from __future__ import annotations

from models.errors import InputError


def check_argument(name: str, value: object, *kinds: type | None) -> None:
    """Raise InputError unless a value is of one of the kinds; None among them allows None.

    True and False are no numbers.
    """
    if value is None and None in kinds:
        return
    types = tuple(kind for kind in kinds if kind is not None)
    if isinstance(value, types) and (bool in types or not isinstance(value, bool)):
        return
    wanted = " or ".join("None" if kind is None else kind.__name__ for kind in kinds)
    raise InputError(f"{name} must be {wanted}, not {type(value).__name__}.")
