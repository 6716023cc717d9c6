"""Which tensors go into which file of a checkpoint: projector, LoRA adapter, and the others.

As the original chooses (X-iZhang/Libra @0d6c56a, ``train/train.py``), by the parameters' names
alone, so ``values`` may hold tensors, shapes or anything else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, TypeVar

from models.errors import InputError

Bias = Literal["none", "all", "lora_only"]

_LORA = "lora_"
_OTHER_PARTS = ("mm_projector", "vision_tower", "vision_resampler")
_EMBEDDINGS = ("embed_tokens", "embed_in")

T = TypeVar("T")


def projector_part(values: Mapping[str, T], *, with_embeddings: bool = False) -> dict[str, T]:
    """Return what ``mm_projector.bin`` holds.

    ``with_embeddings`` adds the input embeddings, which are trained where the image has start and
    end tokens.
    """
    parts = ("mm_projector", *(_EMBEDDINGS if with_embeddings else ()))
    return {name: one for name, one in values.items() if any(part in name for part in parts)}


def adapter_part(values: Mapping[str, T], bias: Bias = "none") -> dict[str, T]:
    """Return what the LoRA adapter's file holds.

    With ``all`` these are the projector's and the tower's biases too. ``lora_only`` adds the
    biases of the layers with LoRA; the original raises on it.

    Raises
    ------
    InputError
        If there is no such choice of biases.
    """
    if bias not in ("none", "all", "lora_only"):
        raise InputError(f"lora_bias must be none, all or lora_only, not {bias!r}.")
    adapted = {name.partition(_LORA)[0] for name in values if _LORA in name}

    def is_kept(name: str) -> bool:
        if _LORA in name or "bias" not in name:
            return _LORA in name
        layer = name.removesuffix("bias").removesuffix("base_layer.")
        return bias == "all" or (bias == "lora_only" and layer in adapted)

    return {name: one for name, one in values.items() if is_kept(name)}


def other_trained_part(values: Mapping[str, T], trainable: Collection[str]) -> dict[str, T]:
    """Return what ``non_lora_trainables.bin`` holds: what is trained beside the adapter.

    With a frozen projector that is nothing.
    """
    return {name: one for name, one in values.items() if _LORA not in name and name in trainable}


def without_tower(values: Mapping[str, T]) -> dict[str, T]:
    """Return what the best model's files hold: everything but the vision tower."""
    return {name: one for name, one in values.items() if "vision_tower" not in name}


def lora_targets(linear_layers: Iterable[str]) -> list[str]:
    """Return the layers that get LoRA, by the last part of their names.

    ``linear_layers`` are the names of a model's linear layers. The output layer gets none. A
    vision tower has layers of the same last names: give the adapter to the language model alone.

    >>> lora_targets(["model.layers.0.mlp.up_proj", "model.mm_projector.mlp.0", "lm_head"])
    ['up_proj']
    """
    names = {
        name.rpartition(".")[2]
        for name in linear_layers
        if not any(part in name for part in _OTHER_PARTS)
    }
    return sorted(names - {"lm_head"})
