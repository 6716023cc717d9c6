"""Load a checkpoint of the Libra family: whole, or an error that says what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.devices import Placement
from models.errors import InputError
from models.libra.checkpoint import Checkpoint
from models.libra.key_table import KeyTable, compare
from models.libra.lora import merge_adapter
from models.libra.model import LibraModel
from models.libra.projector_files import projector_tensors
from models.libra.projectors import Projector, build_projector
from models.libra.tower import (
    VisionTower,
    build_tower,
    read_tower,
    tower_folder,
    tower_settings,
)
from models.weights_files import read_tensors

LANGUAGE_CLASSES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "gemma": "GemmaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
"""Transformers' class for each ``model_type`` of a language model."""

TOWER_PREFIX = "model.vision_tower.vision_tower."
_PROJECTOR_PREFIX = "model.mm_projector."
_INVERSE_FREQUENCIES = "rotary_emb.inv_freq"
"""A buffer that old versions of transformers saved."""


@dataclass(frozen=True)
class Loaded:
    """A model with the settings of its tower's preprocessing, and notes for the record."""

    model: LibraModel
    preprocessor: Mapping[str, Any]
    tower_files: list[Path]
    notes: list[str]


def load_model(checkpoint: Checkpoint, placement: Placement) -> Loaded:
    """Return the model of a checkpoint on its device, in evaluation mode.

    Raises
    ------
    InputError
        If tensors are missing, unexpected or of a wrong shape (a table names them), a file is
        damaged or holds code, or parts do not fit together.
    MissingError
        If a file, the tower or a package is not there.
    """
    tensors = _read_all(checkpoint)
    tower, source = _tower(checkpoint, tensors, placement)
    projector = _projector(checkpoint, tensors, tower)
    language_model = _language_model(checkpoint, tensors, placement)
    if checkpoint.layout == "lora":
        language_model = merge_adapter(language_model, checkpoint.folder)
    model = LibraModel(language_model, tower, projector).eval()
    placement.place(model)
    notes = [*checkpoint.notes, *source.notes]
    return Loaded(model, source.preprocessor, source.files, notes)


def _read_all(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Return the tensors under the names of a full checkpoint; extra files replace the base's."""
    tensors: dict[str, Tensor] = {}
    for file in checkpoint.weights:
        tensors.update(read_tensors(file))
    for file in checkpoint.extra:
        extra = read_tensors(file)
        if checkpoint.layout == "projector":
            extra = {_PROJECTOR_PREFIX + k: v for k, v in projector_tensors(extra).items()}
        tensors.update(_without_wrappers(extra))
    return tensors


def _without_wrappers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors without the prefixes that training wrappers put before their names."""
    named = {name.removeprefix("base_model."): tensor for name, tensor in tensors.items()}
    if any(name.startswith("model.model.") for name in named):
        named = {name.removeprefix("model."): tensor for name, tensor in named.items()}
    return named


@dataclass(frozen=True)
class _TowerSource:
    preprocessor: Mapping[str, Any]
    files: list[Path]
    notes: list[str]


def _tower(
    checkpoint: Checkpoint, tensors: Mapping[str, Tensor], placement: Placement
) -> tuple[VisionTower, _TowerSource]:
    config = checkpoint.config
    if config.vision_tower is None:
        raise InputError(
            f"{checkpoint.folder / 'config.json'} names no vision tower (mm_vision_tower): this is "
            "a plain language model. Give it as base, with a folder that holds a projector."
        )
    folder = tower_folder(config.vision_tower, checkpoint.folder)
    settings, preprocessor = tower_settings(config.vision_tower, folder)
    inside = {
        name.removeprefix(TOWER_PREFIX): tensor
        for name, tensor in tensors.items()
        if name.startswith(TOWER_PREFIX)
    }
    notes, files = [], []
    if inside and (config.tower_inside or config.is_llava):
        weights, where = inside, checkpoint.folder
        notes.append("the vision tower is the checkpoint's own, adapted one")
    else:
        weights, where, files = _own_tower(config.vision_tower, folder)
        if inside:
            notes.append(
                "the vision tower inside the checkpoint is left out, as published: config.json "
                "does not set unfreeze_mm_vision_tower"
            )
    with quiet_transformers():
        encoder = build_tower(settings, weights, where, placement.dtype)
    return (
        VisionTower(encoder, config.select_layer, config.select_feature),
        _TowerSource(preprocessor, files, notes),
    )


def _own_tower(name: str, folder: Path | None) -> tuple[dict[str, Tensor], Path, list[Path]]:
    from models.errors import MissingError
    from models.weights_files import find_weights

    if folder is None:
        raise MissingError(
            f"The weights of the vision tower {name!r} are not on this machine. "
            f"With network: `hf download {name}`; without: copy its folder beside the checkpoint."
        )
    return read_tower(folder), folder, find_weights(folder)


def _projector(
    checkpoint: Checkpoint, tensors: Mapping[str, Tensor], tower: VisionTower
) -> Projector:
    config = checkpoint.config
    found = projector_tensors(
        {name: tensor for name, tensor in tensors.items() if name.startswith(_PROJECTOR_PREFIX)}
    )
    width, heads = (config.language_model[k] for k in ("hidden_size", "num_attention_heads"))
    projector = build_projector(config.projector_type, tower.width, width, heads, tower.num_layers)
    needed = {name: tuple(tensor.shape) for name, tensor in projector.state_dict().items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    _renamed(compare(shapes, needed), _PROJECTOR_PREFIX).refuse(checkpoint.folder)
    projector.load_state_dict(found)
    return projector


def _renamed(table: KeyTable, prefix: str) -> KeyTable:
    return KeyTable(
        [prefix + name for name in table.missing],
        [prefix + name for name in table.unexpected],
        {prefix + name: shapes for name, shapes in table.wrong_shape.items()},
    )


def _language_model(
    checkpoint: Checkpoint, tensors: Mapping[str, Tensor], placement: Placement
) -> Any:
    import transformers

    kind = getattr(transformers, LANGUAGE_CLASSES[checkpoint.config.model_type])
    own = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith((_PROJECTOR_PREFIX, TOWER_PREFIX))
        and not name.endswith(_INVERSE_FREQUENCIES)
    }
    with quiet_transformers():
        model, info = kind.from_pretrained(
            None,
            config=language_config(checkpoint),
            state_dict=own,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **placement.loading_options(),
        )
    _check(info, checkpoint)
    return model


def language_config(checkpoint: Checkpoint) -> Any:
    """Return transformers' config object of the checkpoint's language model."""
    from transformers import AutoConfig

    fields = dict(checkpoint.config.language_model)
    with quiet_transformers():
        return AutoConfig.for_model(checkpoint.config.model_type, **fields)


def _check(info: Mapping[str, Any], checkpoint: Checkpoint) -> None:
    tied = bool(checkpoint.config.language_model.get("tie_word_embeddings"))
    KeyTable(
        missing=sorted(info["missing_keys"]),
        unexpected=sorted(
            name for name in info["unexpected_keys"] if not (tied and name == "lm_head.weight")
        ),
        wrong_shape={name: (tuple(a), tuple(b)) for name, a, b in sorted(info["mismatched_keys"])},
    ).refuse(checkpoint.weights[0].parent)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' loading reports: what matters of them is checked and told by us."""
    import warnings

    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
