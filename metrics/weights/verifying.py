"""Load weights as scoring would, to see that they work before a long run does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from metrics.annotators.sources import SOURCES
from metrics.errors import InputError, MissingError
from metrics.weights.checking import check
from metrics.weights.needs import INSTALL, absent_packages
from metrics.weights.places import find, weight
from metrics.weights.table import WEIGHTS


@dataclass(frozen=True)
class Verified:
    """What was found of weights; ``detail`` is where they are, or what to do."""

    name: str
    state: Literal["ok", "missing", "broken"]
    detail: str


def verify(names: Sequence[str] | None = None) -> list[Verified]:
    """Read weights, and load the annotators whose weights are all here; all weights if None.

    Raises
    ------
    InputError
        If no weights have one of the names.
    MissingError
        If torch or transformers are not installed.
    """
    rows = [weight(name) for name in names or WEIGHTS]
    if packages := absent_packages():
        raise MissingError(
            f"Weights are loaded with {' and '.join(packages)}, not installed here. Install with "
            f"`{INSTALL}`."
        )
    loaded = cache(_load)
    found: list[Verified] = []
    for row in rows:
        place = find(row.name)
        if place is None:
            found.append(Verified(row.name, "missing", f"`{row.download}`"))
            continue
        try:
            check(row, place)
            used = [loaded(name) for name in sources_of(row.name)]
        except (InputError, MissingError) as error:
            found.append(Verified(row.name, "broken", str(error)))
            continue
        apart = [f"not loaded: {missing} is not here" for missing in used if missing]
        found.append(Verified(row.name, "ok", "; ".join([str(place), *apart])))
    return found


def sources_of(name: str) -> list[str]:
    """Return the annotators that load these weights."""
    return [annotator for annotator, source in SOURCES.items() if name in source.weights]


def load_with(annotator: str, instead: dict[str, Path] | None = None) -> str:
    """Load an annotator once; return which of its weights are not here, nothing if it loaded.

    ``instead`` holds places to take weights from that are not where they belong yet.

    Raises
    ------
    InputError
        If the weights are damaged or do not fit each other.
    """
    source = SOURCES[annotator]
    places = {name: (instead or {}).get(name) or find(name) for name in source.weights}
    absent = [name for name, place in places.items() if place is None]
    if absent:
        return ", ".join(absent)
    module, _, attribute = source.target.partition(":")
    kind: Any = getattr(import_module(module), attribute)
    kind.load(*places.values(), device="cpu")
    return ""


def _load(annotator: str) -> str:
    return load_with(annotator)
