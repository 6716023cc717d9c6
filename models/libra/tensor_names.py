"""Under which names the parts of a model stand in the files of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from models.libra.checkpoint import Checkpoint
from models.libra.projector_files import projector_tensors
from models.weights_files import merge_shards

TOWER_PREFIX = "model.vision_tower.vision_tower."
PROJECTOR_PREFIX = "model.mm_projector."
_NAME = "mm_projector."
EMBEDDINGS = "model.embed_tokens.weight"
_INVERSE_FREQUENCIES = "rotary_emb.inv_freq"
"""A buffer that old versions of transformers saved."""

T = TypeVar("T")


def collect(checkpoint: Checkpoint, read: Callable[[Path], Mapping[str, T]]) -> dict[str, T]:
    """Return what ``read`` finds in a checkpoint's files, under the names of a full checkpoint.

    Extra files replace the base's, and one with a projector the base's whole projector: half of
    one and half of the other would be neither. A LoRA adapter's own file is left out.
    """
    found = merge_shards(checkpoint.weights, read)
    for file in checkpoint.extra:
        extra = read(file)
        if checkpoint.layout == "projector":
            projector = projector_tensors(extra)
            # with start and end tokens around the image, their embeddings were trained as well
            others = {} if _is_bare(extra) else {k: v for k, v in extra.items() if _NAME not in k}
            extra = others | {PROJECTOR_PREFIX + k: v for k, v in projector.items()}
        extra = _without_wrappers(extra)
        if below(PROJECTOR_PREFIX, extra):
            found = {k: v for k, v in found.items() if not k.startswith(PROJECTOR_PREFIX)}
        found.update(extra)
    return found


def _is_bare(names: Iterable[str]) -> bool:
    """Return whether names are a projector's own, without any prefix."""
    return not any(_NAME in name or name.startswith("model.") for name in names)


def is_language(name: str) -> bool:
    """Return whether a tensor is the language model's."""
    return not name.startswith((PROJECTOR_PREFIX, TOWER_PREFIX)) and not name.endswith(
        _INVERSE_FREQUENCIES
    )


def below(prefix: str, values: Mapping[str, T]) -> dict[str, T]:
    """Return the values whose names begin with a prefix, named without it."""
    return {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}


def _without_wrappers(values: Mapping[str, T]) -> dict[str, T]:
    """Return values without the prefixes that training wrappers put before their names."""
    named = {name.removeprefix("base_model."): value for name, value in values.items()}
    if any(name.startswith("model.model.") for name in named):
        named = {name.removeprefix("model."): value for name, value in named.items()}
    # wherever a projector's file was written, its tensors are told by the part after this
    return {
        PROJECTOR_PREFIX + name.partition(_NAME)[2] if _NAME in name else name: value
        for name, value in named.items()
    }
