"""Read an adapter's options from plain values, with errors that name the key."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from models.errors import InputError

T = TypeVar("T")


def read_options(kind: type[T], settings: Mapping[str, Any], where: str) -> T:
    """Return the dataclass ``kind`` with ``settings`` as its fields, types checked.

    A field that is a dataclass itself is read in the same way. ``where`` names the place in the
    user's file, for messages.
    """
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for key in settings:
        if key not in known:
            raise InputError(
                f"Unknown option {key!r} in {where}. {_suggestion(str(key), list(known))}"
            )
    for name, field in known.items():
        if name not in settings and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"The option {name!r} is missing in {where}. Add `{name}: …`.")
    types = get_type_hints(kind, include_extras=True)
    return kind(**{key: _checked(value, types[key], key, where) for key, value in settings.items()})


def _suggestion(key: str, known: list[str]) -> str:
    if not known:
        return "This adapter has no options."
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if nearest:
        return f"Did you mean {nearest[0]!r}?"
    return f"Known options: {', '.join(known)}."


def _checked(value: Any, wanted: Any, key: str, where: str) -> Any:
    nested = next((one for one in (wanted, *get_args(wanted)) if is_dataclass(one)), None)
    if isinstance(nested, type) and isinstance(value, Mapping):
        # pydantic would pass over unknown keys of a dataclass
        return read_options(nested, value, f"{key}, {where}")
    if isinstance(nested, type) and isinstance(value, list) and get_origin(wanted) is tuple:
        read = [_checked(one, nested, f"{key}[{place}]", where) for place, one in enumerate(value)]
        return tuple(read)
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(wanted).validate_json(_as_json(value, key, where), strict=True)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in (key, *problem["loc"]))
        raise InputError(f"The option {place!r} in {where} is wrong: {problem['msg']}.") from None


def _as_json(value: Any, key: str, where: str) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        raise InputError(
            f"The option {key!r} in {where} is wrong: {type(value).__name__} is no plain value."
        ) from None
