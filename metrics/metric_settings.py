"""Settings that a user gives to metrics: the fields of a metric's class, by its name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from metrics.errors import InputError
from metrics.registry import ENTRIES, metric_class, plugins

Settings = Mapping[str, Mapping[str, Any]]
"""By the metric's name in the registry: values by field."""
_GIVEN_OTHERWISE = ("treatment", "judge")
"""Fields that the protocol and the judge's own settings decide."""
_KINDS: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    NoneType: "null",
}


def settable(name: str) -> list[str]:
    """Return the fields of a metric that a user can set.

    >>> settable("radgraph")
    ['annotator', 'matching', 'precision']
    """
    found = fields(metric_class(name))
    return [field.name for field in found if field.init and field.name not in _GIVEN_OTHERWISE]


def check_metric(name: str) -> None:
    """Raise InputError if there is no metric of this name; the nearest is offered."""
    known = [*ENTRIES, *plugins()]
    if name in known:
        return
    owner = next((metric for metric, entry in ENTRIES.items() if name in entry.outputs), None)
    nearest = [owner] if owner else difflib.get_close_matches(str(name).lower(), known, n=1)
    hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Metrics: {', '.join(known)}."
    raise InputError(f"Settings are given for the unknown metric {name!r}. {hint}")


def check_setting(name: str, field: str, value: Any) -> None:
    """Raise InputError if a metric has no such field, or the value is of another type."""
    known = settable(name)
    if field not in known:
        nearest = difflib.get_close_matches(str(field), known, n=1)
        hint = f"It has {', '.join(known)}." if known else "It has none."
        hint = f"Did you mean {nearest[0]!r}?" if nearest else hint
        raise InputError(f"The metric {name!r} has no setting {field!r}. {hint}")
    wanted = get_type_hints(metric_class(name))[field]
    kinds = get_args(wanted) or (wanted,)
    # a plug-in's field of another type is for its own class to check
    if all(kind in _KINDS for kind in kinds) and not _fits(value, kinds):
        words = " or ".join(_KINDS[kind] for kind in kinds)
        raise InputError(f"The setting {name}.{field} is {value!r}. Write {words}.")


def check_settings(settings: Settings, selected: Iterable[str]) -> None:
    """Raise InputError if a setting is wrong, or is of a metric that is not ``selected``."""
    if not isinstance(settings, Mapping):
        raise InputError('settings must be fields by metric: {"radgraph": {"matching": "github"}}.')
    chosen = list(selected)
    for name, values in settings.items():
        check_metric(name)
        if not isinstance(values, Mapping):
            raise InputError(f"The settings of {name!r} are {values!r}. Write {{field: value}}.")
        for field, value in values.items():
            check_setting(name, field, value)
        if name not in chosen:
            raise InputError(
                f"Settings are given for the metric {name!r}, which is not computed here; "
                f"{', '.join(chosen)} are. Ask for it, or leave its settings out."
            )


def with_paths(settings: Settings, folder: Path) -> dict[str, dict[str, Any]]:
    """Return the settings with files and folders as absolute paths; relative ones start here.

    A model of the table of weights and a published matrix are names, and stay as they are.
    """
    from metrics.annotators.ratescore.affinity import MATRICES
    from metrics.weights import WEIGHTS

    names: dict[tuple[str, str], Iterable[str]] = {
        ("bertscore", "model"): WEIGHTS,
        ("bertscore", "baseline_file"): (),
        ("ratescore", "matrix"): MATRICES,
    }
    found = {name: dict(values) for name, values in settings.items()}
    for (name, field), known in names.items():
        value = found.get(name, {}).get(field)
        if isinstance(value, str) and value not in known:
            found[name][field] = str((folder / Path(value).expanduser()).absolute())
    return found


def _fits(value: Any, kinds: Iterable[Any]) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return type(value) in kinds or (type(value) is int and float in kinds)
