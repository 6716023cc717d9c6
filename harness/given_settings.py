"""Read the settings of metrics that a command was given, as ``METRIC.FIELD=VALUE``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.errors import InputError
from metrics.metric_settings import with_paths


def read_settings(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return values by metric and field, read as YAML reads them; paths are made absolute.

    Raises
    ------
    InputError
        If one is not of this form, or a field is set twice.

    >>> read_settings(["radgraph.matching=github", "bertscore.layer=5"])
    {'radgraph': {'matching': 'github'}, 'bertscore': {'layer': 5}}
    """
    found: dict[str, dict[str, Any]] = {}
    for one in given:
        key, equals, text = one.partition("=")
        # the name of a plug-in's metric may hold dots
        name, dot, field = key.rpartition(".")
        if not (equals and dot and name and field):
            raise InputError(
                f"--setting {one!r}: write METRIC.FIELD=VALUE, such as radgraph.matching=github."
            )
        if field in found.setdefault(name, {}):
            raise InputError(f"--setting {one!r}: {name}.{field} is set twice. Keep one.")
        try:
            found[name][field] = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):
            raise InputError(f"--setting {one!r}: the value is no YAML. Quote it.") from None
    return with_paths(found, Path())
