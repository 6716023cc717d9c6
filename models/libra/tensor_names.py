"""Under which names the parts of a model stand in the files of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from models.libra.checkpoint import Checkpoint
from models.libra.projector_files import projector_tensors

TOWER_PREFIX = "model.vision_tower.vision_tower."
PROJECTOR_PREFIX = "model.mm_projector."
EMBEDDINGS = "model.embed_tokens.weight"
_INVERSE_FREQUENCIES = "rotary_emb.inv_freq"
"""A buffer that old versions of transformers saved."""

T = TypeVar("T")


def collect(checkpoint: Checkpoint, read: Callable[[Path], Mapping[str, T]]) -> dict[str, T]:
    """Return what ``read`` finds in a checkpoint's files, under the names of a full checkpoint.

    Extra files replace the base's; a LoRA adapter's own file is left out.
    """
    found = {name: value for file in checkpoint.weights for name, value in read(file).items()}
    for file in checkpoint.extra:
        extra = read(file)
        if checkpoint.layout == "projector":
            projector = {PROJECTOR_PREFIX + k: v for k, v in projector_tensors(extra).items()}
            # with start and end tokens around the image, their embeddings were trained as well
            extra = {k: v for k, v in extra.items() if k.endswith(EMBEDDINGS)} | projector
        found.update(_without_wrappers(extra))
    return found


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
    return named
