"""The annotators that have a name: their classes, and the weights they load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from metrics.annotators.annotator import Annotator
from metrics.annotators.remembered import RememberedAnnotator
from metrics.cache import AnnotationCache, default_path
from metrics.errors import InputError
from metrics.precision import check_precision, name_and_precision, signed


@dataclass(frozen=True)
class Source:
    """Where an annotator's class lives, and the names of its weights in the weights table.

    The class's ``load`` takes one path per name, in this order.
    """

    target: str
    weights: tuple[str, ...]


SOURCES: dict[str, Source] = {
    "radgraph": Source("metrics.annotators.radgraph:RadGraphAnnotator", ("radgraph", "pubmedbert")),
    "radgraph-xl": Source(
        "metrics.annotators.radgraph:RadGraphAnnotator", ("radgraph-xl", "cxr-bert")
    ),
    "modern-radgraph-xl": Source(
        "metrics.annotators.radgraph:RadGraphAnnotator", ("modern-radgraph-xl", "modernbert")
    ),
    "echograph": Source("metrics.annotators.radgraph:RadGraphAnnotator", ("echograph", "cxr-bert")),
    "chexbert": Source("metrics.annotators.chexbert:CheXbertAnnotator", ("chexbert", "bert-base")),
    "ratescore": Source("metrics.annotators.ratescore:EntityRecognizer", ("rate-ner",)),
    "ratescore-embedding": Source("metrics.annotators.ratescore:EntityEncoder", ("biolord",)),
}


def weights_of(name: str) -> tuple[str, ...]:
    """Return the names of the weights that the annotator loads.

    Raises
    ------
    InputError
        If no annotator has this name, or it names an unknown precision.
    """
    name, precision = name_and_precision(name)
    if name not in SOURCES:
        raise InputError(f"Unknown annotator {name!r}. Known: {', '.join(SOURCES)}.")
    check_precision(precision)
    return SOURCES[name].weights


def annotate(name: str, texts: Sequence[str]) -> list[Any]:
    """Return the named annotator's annotations, in order, through the annotation cache.

    Raises
    ------
    InputError
        If no annotator has this name.
    MissingError
        If its weights are not there.
    """
    return annotator(name).annotate(texts)


def annotator(name: str) -> RememberedAnnotator[Any]:
    """Return the named annotator; its model is loaded at the first unknown text.

    A name may bring a precision, as ``radgraph@bfloat16``, which the signature then says.

    Raises
    ------
    InputError
        If no annotator has this name.
    MissingError
        If its weights are not there.
    """
    from metrics.weights import locate, sha256

    weights = weights_of(name)
    hashes = "".join(f"|{weight}:{sha256(weight)}" for weight in weights)
    return _remembered(name, tuple(map(locate, weights)), hashes, default_path())


@cache
def _remembered(
    name: str, paths: tuple[Path, ...], hashes: str, place: Path
) -> RememberedAnnotator[Any]:
    """Return one annotator per name, weights and cache, so that its model is loaded once."""
    bare, precision = name_and_precision(name)
    module, _, attribute = SOURCES[bare].target.partition(":")
    kind: Any = getattr(import_module(module), attribute)

    def load() -> Annotator[Any]:
        loaded: Annotator[Any] = kind.load(*paths, device=best_device(), precision=precision)
        return loaded

    signature = f"{bare}{hashes}{signed(precision)}"
    return RememberedAnnotator(kind, signature, load, AnnotationCache(place))


def best_device() -> str:
    """Return ``cuda`` where a CUDA device is, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
