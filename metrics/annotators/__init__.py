"""Annotators: models that read reports, in batches, each distinct text once.

``RadGraphAnnotator``, ``CheXbertAnnotator`` and ``RaTEScoreAnnotator`` load the official
checkpoints. They need the ``models`` extra (torch and transformers), imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metrics.annotators.chexbert import CheXbertAnnotator
    from metrics.annotators.radgraph import RadGraphAnnotator
    from metrics.annotators.ratescore import RaTEScoreAnnotator

_HOMES = {
    "CheXbertAnnotator": "metrics.annotators.chexbert",
    "RaTEScoreAnnotator": "metrics.annotators.ratescore",
    "RadGraphAnnotator": "metrics.annotators.radgraph",
}

__all__ = ["CheXbertAnnotator", "RaTEScoreAnnotator", "RadGraphAnnotator"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'metrics.annotators' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
