"""The formats of studies there are: names and where their readers live.

Other distributions add formats through entry points of the group ``cxr_harness.datasets``; their
names are prefixed ``package/name``. An entry point names a ``harness.datasets.source.Reader``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from harness.datasets.source import Reader
from harness.errors import InputError, MissingError
from harness.suggest import suggestion

ENTRY_POINT_GROUP = "cxr_harness.datasets"

FORMATS: dict[str, str] = {
    "studies": "harness.datasets.studies:read",
    "flat": "harness.datasets.flat:read",
    "libra": "harness.datasets.libra:read",
    "rexrank": "harness.datasets.rexrank:read",
    "csv": "harness.datasets.csv_table:read",
}
"""Name of each format of ours, and its reader as ``module:function``."""


@cache
def plugins() -> dict[str, EntryPoint]:
    """Return the formats of other distributions, by prefixed name; imports none of them."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        owner = point.dist.name if point.dist else "unknown"
        found[f"{owner}/{point.name}"] = point
    return found


def reader(name: str) -> Reader:
    """Return the reader registered under ``name``.

    Raises
    ------
    InputError
        If no format has this name; the nearest is offered.
    MissingError
        If the plug-in of this name cannot be imported.
    """
    if name in FORMATS:
        module, _, attribute = FORMATS[name].partition(":")
        found: Reader = getattr(import_module(module), attribute)
        return found
    if name in plugins():
        return _load_plugin(name)
    raise InputError(
        f"Unknown data format {name!r}. {suggestion(name, [*FORMATS, *sorted(plugins())])}"
    )


def _load_plugin(name: str) -> Reader:
    point = plugins()[name]
    try:
        found: Reader = point.load()
    except Exception as error:
        raise MissingError(
            f"The plug-in data format {name!r} ({point.value}) cannot be imported: "
            f"{type(error).__name__}: {error}. Mend or uninstall its package."
        ) from error
    return found
