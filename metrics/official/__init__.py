"""Reference engines: the official packages, called as their users call them.

Each module has ``scores(predictions, references, **settings)``, whose settings are those of the
native metric except ``treatment``: texts come prepared. Outputs have the native names and scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from metrics.errors import MissingError


class OfficialScores(NamedTuple):
    """What an official package gives: one number per output, and one per output and sample."""

    corpus: Mapping[str, float]
    per_sample: Mapping[str, Sequence[float]]


def needed(module: str) -> ModuleType:
    """Import a module of an official package.

    Raises
    ------
    MissingError
        If the package is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0].replace("_", "-")
        raise MissingError(
            f"The reference engine needs the package {package}. "
            f"Install it with `pip install {package}`."
        ) from error


def mean_scores(per_sample: Mapping[str, Sequence[float]]) -> OfficialScores:
    """Return scores whose corpus value is the plain mean over samples."""
    means = {name: sum(values) / len(values) for name, values in per_sample.items()}
    return OfficialScores(means, per_sample)
