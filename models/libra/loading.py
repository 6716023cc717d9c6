"""Load a checkpoint of the Libra family: whole, or an error that says what does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from logging import CRITICAL
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.devices import Placement
from models.errors import InputError, MissingError
from models.libra.checkpoint import Checkpoint
from models.libra.config import LANGUAGE_CLASSES
from models.libra.key_table import KeyTable, compare
from models.libra.lora import merge_adapter
from models.libra.model import LibraModel
from models.libra.projector_files import projector_tensors
from models.libra.projectors import Projector, build_projector
from models.libra.tower import (
    VisionTower,
    build_tower,
    tower_folder,
    tower_settings,
)
from models.weights_files import find_weights, read_tensors

TOWER_PREFIX = "model.vision_tower.vision_tower."
_PROJECTOR_PREFIX = "model.mm_projector."
_EMBEDDINGS = "model.embed_tokens.weight"
_INVERSE_FREQUENCIES = "rotary_emb.inv_freq"
"""A buffer that old versions of transformers saved."""


@dataclass(frozen=True)
class Loaded:
    """A model with the settings of its tower's preprocessing, and notes for the record."""

    model: LibraModel
    preprocessor: Mapping[str, Any]
    tower_files: list[Path]
    notes: list[str]


def load_model(
    checkpoint: Checkpoint, placement: Placement, embeddings_only: bool = False
) -> Loaded:
    """Return the model of a checkpoint on its device, in evaluation mode.

    Parameters
    ----------
    checkpoint, placement
        What to load, and where to.
    embeddings_only
        Load no more of the language model than embeds a prompt: another program decodes.

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
    language_model = (
        _embeddings(checkpoint, tensors)
        if embeddings_only
        else _language_model(checkpoint, tensors, placement)
    )
    model = LibraModel(placement.put_language_model(language_model), tower, projector).eval()
    for part in (model.vision_tower, model.mm_projector):
        part.to(placement.device, placement.dtype)
    notes = [*checkpoint.notes, *source.notes]
    return Loaded(model, source.preprocessor, source.files, notes)


def load_language_model(checkpoint: Checkpoint, placement: Placement) -> Any:
    """Return the language model alone, with its adapter merged; raises as `load_model`."""
    language_model = _language_model(checkpoint, _read_all(checkpoint), placement)
    return placement.put_language_model(language_model)


def check_tower(checkpoint: Checkpoint) -> None:
    """Raise MissingError if the tower that a checkpoint needs is not on this machine."""
    name = _tower_name(checkpoint)
    folder = tower_folder(name, checkpoint.folder)
    if not _tower_may_be_inside(checkpoint):
        _own_files(name, folder)


def tower_weights(checkpoint: Checkpoint) -> list[Path]:
    """Return the weight files of the tower's own folder, if it is read."""
    if _tower_may_be_inside(checkpoint):
        return []
    name = _tower_name(checkpoint)
    return _own_files(name, tower_folder(name, checkpoint.folder))


def _tower_may_be_inside(checkpoint: Checkpoint) -> bool:
    return checkpoint.config.tower_inside or checkpoint.config.is_llava


def _tower_name(checkpoint: Checkpoint) -> str:
    name = checkpoint.config.vision_tower
    if name is None:
        raise InputError(
            f"{checkpoint.folder / 'config.json'} names no vision tower (mm_vision_tower): this is "
            "a plain language model. Give it as base, with a folder that holds a projector."
        )
    return name


def _own_files(name: str, folder: Path | None) -> list[Path]:
    files = [] if folder is None else find_weights(folder)
    if not files:
        where = name if folder is None else folder
        raise MissingError(
            f"The weights of the vision tower {str(where)!r} are not on this machine. With "
            f"network: `hf download {name}`; without: copy its folder beside the checkpoint."
        )
    return files


def _read_all(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Return the tensors under the names of a full checkpoint; extra files replace the base's."""
    tensors = _merged(checkpoint.weights)
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
    name = _tower_name(checkpoint)
    folder = tower_folder(name, checkpoint.folder)
    settings, preprocessor = tower_settings(name, folder)
    inside = {
        key.removeprefix(TOWER_PREFIX): tensor
        for key, tensor in tensors.items()
        if key.startswith(TOWER_PREFIX)
    }
    notes, files = [], []
    if inside and _tower_may_be_inside(checkpoint):
        weights, where = inside, checkpoint.folder
        notes.append("the vision tower is the checkpoint's own, adapted one")
    else:
        files = _own_files(name, folder)
        weights, where = _merged(files), files[0].parent
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


def _merged(files: Iterable[Path]) -> dict[str, Tensor]:
    return {name: tensor for file in files for name, tensor in read_tensors(file).items()}


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
    return merge_adapter(model, checkpoint.folder) if checkpoint.layout == "lora" else model


class EmbeddingsOnly(nn.Module):
    """The part of a language model that turns ids into embeddings."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.table = table

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the table, as transformers' models do."""
        return self.table


def _embeddings(checkpoint: Checkpoint, tensors: Mapping[str, Tensor]) -> EmbeddingsOnly:
    import transformers

    kind = getattr(transformers, LANGUAGE_CLASSES[checkpoint.config.model_type])
    with torch.device("meta"):
        table = kind(language_config(checkpoint)).get_input_embeddings()
    found = tensors.get(_EMBEDDINGS)
    needed = {_EMBEDDINGS: tuple(table.weight.shape)}
    shapes = {} if found is None else {_EMBEDDINGS: tuple(found.shape)}
    compare(shapes, needed).refuse(checkpoint.weights[0].parent)
    table.weight = nn.Parameter(tensors[_EMBEDDINGS], requires_grad=False)
    return EmbeddingsOnly(table)


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
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
