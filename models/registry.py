"""The adapters there are: names and where they live.

Looking up an adapter imports its module only. Other distributions add adapters through entry
points of the group ``cxr_harness.models``; their names are prefixed ``package/name``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from models.adapter import Adapter
from models.errors import InputError, MissingError

ENTRY_POINT_GROUP = "cxr_harness.models"

ADAPTERS: dict[str, str] = {
    "constant": "models.constant:Constant",
    "libra": "models.libra.adapter:Libra",
    "llava_med": "models.libra.adapter:LlavaMed",
    "openai_compatible": "models.openai_compatible:OpenAICompatible",
    "prior_report": "models.prior_report:PriorReport",
    "retrieval": "models.retrieval:Retrieval",
    "vision_language": "models.vision_language:VisionLanguage",
}
"""Name of each adapter of ours, and its class as ``module:Class``."""


@dataclass(frozen=True)
class Description:
    """One line of a listing; ``error`` says why a plug-in cannot be imported."""

    name: str
    summary: str
    error: str | None = None


@cache
def plugins() -> dict[str, EntryPoint]:
    """Return the adapters of other distributions, by prefixed name; imports none of them."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        owner = point.dist.name if point.dist else "unknown"
        found[f"{owner}/{point.name}"] = point
    return found


def names() -> list[str]:
    """Return the names of all adapters, ours first; imports none of them."""
    return [*sorted(ADAPTERS), *sorted(plugins())]


def adapter_class(name: str) -> type[Adapter]:
    """Return the class registered under ``name``.

    Raises
    ------
    InputError
        If no adapter has this name; the nearest is offered.
    MissingError
        If the plug-in of this name cannot be imported.
    """
    if name in ADAPTERS:
        module, _, attribute = ADAPTERS[name].partition(":")
        found: type[Adapter] = getattr(import_module(module), attribute)
        return found
    if name in plugins():
        return _load_plugin(name)
    nearest = difflib.get_close_matches(name, names(), n=1)
    hint = f"Did you mean {nearest[0]!r}? " if nearest else ""
    raise InputError(f"Unknown adapter {name!r}. {hint}`cxr-harness list models` shows all.")


def describe() -> list[Description]:
    """Return a line on every adapter; one that fails to import does not stop the others."""
    return [_describe(name) for name in names()]


def _describe(name: str) -> Description:
    try:
        documentation = adapter_class(name).__doc__ or ""
    except MissingError as error:
        return Description(name, "", str(error))
    return Description(name, documentation.strip().partition("\n")[0])


def _load_plugin(name: str) -> type[Adapter]:
    point = plugins()[name]
    try:
        found = point.load()
    except Exception as error:
        raise MissingError(
            f"The plug-in adapter {name!r} ({point.value}) cannot be imported: "
            f"{type(error).__name__}: {error}. Mend or uninstall its package."
        ) from error
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise MissingError(
            f"The plug-in adapter {name!r} ({point.value}) is no Adapter class. "
            "Mend or uninstall its package."
        )
    return found
