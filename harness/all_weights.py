"""One table of the weights that metrics and models need, and what of it is on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.hub import ALIASES

_PAGE = "https://huggingface.co/"
_SEE_PAGE = "see its page"
_SIZES = {
    "libra-v1.0-3b": "about 7 GB",
    "Med-CXRGen-F": "about 14 GB",
    "Med-CXRGen-I": "about 14 GB",
}
_LARGE = "about 15 GB"
_OTHERS = {
    "microsoft/rad-dino": ("about 350 MB", "the vision tower of Libra"),
    "openai/clip-vit-large-patch14-336": ("about 1.7 GB", "the vision tower of LLaVA-Med"),
    "StanfordAIMI/GREEN-radllama2-7b": ("about 13 GB", "green with a local judge"),
}


@dataclass(frozen=True)
class WeightRow:
    """A file or folder of weights; ``place`` is where it is on this machine, None if it is not."""

    name: str
    kind: str
    page: str
    licence: str
    size: str
    sha256: str | None
    unlocks: str
    download: str
    place: str | None


def all_weights() -> list[WeightRow]:
    """Return the weights of metrics, then those of published models, vision towers and judges."""
    return [*_of_metrics(), *_of_models()]


def weights_in_words(names: Sequence[str]) -> str:
    """Return names of metrics' weights, each with whether it is on this machine."""
    from metrics.weights import find

    return ", ".join(f"{name} ({'not here' if find(name) is None else 'here'})" for name in names)


def _of_metrics() -> list[WeightRow]:
    from metrics.weights import WEIGHTS, find

    return [
        WeightRow(
            name=row.name,
            kind="metric",
            page=row.page + (f", {row.file}" if row.file else ""),
            licence=row.licence,
            size=row.size or "",
            sha256=row.sha256,
            unlocks=row.unlocks,
            download=row.download,
            place=None if (place := find(row.name)) is None else str(place),
        )
        for row in WEIGHTS.values()
    ]


def _of_models() -> list[WeightRow]:
    published = {
        name: (hub, _SIZES.get(name, _LARGE), f"the model {name}") for name, hub in ALIASES.items()
    }
    others = {hub: (hub, size, unlocks) for hub, (size, unlocks) in _OTHERS.items()}
    return [
        WeightRow(
            name=name,
            kind="model",
            page=_PAGE + hub,
            licence=_SEE_PAGE,
            size=size,
            sha256=None,
            unlocks=unlocks,
            download=f"hf download {hub}",
            place=_hub_folder(hub),
        )
        for name, (hub, size, unlocks) in {**published, **others}.items()
    ]


def _hub_folder(hub: str) -> str | None:
    from importlib.util import find_spec

    if find_spec("huggingface_hub") is None:
        return None
    from models.hub import is_here, locate

    return str(locate(hub)) if is_here(hub) else None
