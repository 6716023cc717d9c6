"""Load a checkpoint of the Libra family: whole, or an error that says what does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.devices import Placement
from models.errors import InputError, MissingError
from models.hub import locate
from models.libra.checkpoint import Checkpoint
from models.libra.key_table import KeyTable, compare
from models.libra.language_model import language_class, language_config, quiet_transformers
from models.libra.loading_notes import loading_notes
from models.libra.lora import merge_adapter
from models.libra.manifest import HEAD, check_shapes
from models.libra.model import LibraModel
from models.libra.projector_files import projector_tensors
from models.libra.projectors import Projector, build_projector
from models.libra.tensor_names import (
    EMBEDDINGS,
    PROJECTOR_PREFIX,
    TOWER_PREFIX,
    below,
    collect,
    is_language,
)
from models.libra.tower import (
    VisionTower,
    build_tower,
    tower_folder,
    tower_settings,
)
from models.weights_files import find_weights, merge_shards, read_weights, tensor_shapes

_SETTINGS = ("*.json", "*.jinja", "*.model", "*.txt")


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
    fetch_known_tower(checkpoint)
    check_files(checkpoint)
    tensors = collect(checkpoint, read_weights)
    tower, source = load_tower(checkpoint, tensors, placement.dtype)
    projector = load_projector_of(checkpoint, tensors, tower)
    language_model = (
        _embeddings(checkpoint, tensors)
        if embeddings_only
        else _language_model(checkpoint, tensors, placement)
    )
    model = LibraModel(placement.put_language_model(language_model), tower, projector).eval()
    for part in (model.vision_tower, model.mm_projector):
        part.to(placement.device, placement.dtype)
    notes = loading_notes(checkpoint, tensors, tower.width, tower_is_read=not source.files)
    return Loaded(model, source.preprocessor, source.files, notes)


def load_language_model(checkpoint: Checkpoint, placement: Placement) -> Any:
    """Return the language model alone, with its adapter merged; raises as `load_model`."""
    language_model = _language_model(checkpoint, collect(checkpoint, read_weights), placement)
    return placement.put_language_model(language_model)


def check_files(checkpoint: Checkpoint) -> None:
    """Check that a checkpoint's parts are here and fit together, from the headers of its files.

    Raises
    ------
    InputError
        If tensors are missing, unexpected or of a wrong shape: one table names all of them.
    MissingError
        If the tower or a file is not there.
    """
    name = _tower_name(checkpoint)
    folder = tower_folder(name, checkpoint)
    found = collect(checkpoint, tensor_shapes)
    is_inside = _tower_is_inside(checkpoint, found)
    if not is_inside:
        _own_files(name, folder)
    check_shapes(checkpoint, found, tower_settings(name, folder)[0], is_inside)


def tower_files(checkpoint: Checkpoint) -> list[Path]:
    """Return the weight files of the tower's own folder; none if the checkpoint's are read."""
    if _tower_is_inside(checkpoint, collect(checkpoint, tensor_shapes)):
        return []
    name = _tower_name(checkpoint)
    return _own_files(name, tower_folder(name, checkpoint))


def settings_files(checkpoint: Checkpoint) -> list[list[Path]]:
    """Return the files beside the weights that can change a text, for each folder that is read."""
    tower = tower_folder(_tower_name(checkpoint), checkpoint)
    folders = dict.fromkeys([checkpoint.folder, checkpoint.text_folder, tower])
    return [
        [file for pattern in _SETTINGS for file in folder.glob(pattern)]
        for folder in folders
        if folder is not None
    ]


def fetch_known_tower(checkpoint: Checkpoint) -> None:
    """Download a tower whose settings alone are known here, unless the checkpoint holds its own."""
    name = _tower_name(checkpoint)
    needs_weights = not _tower_is_inside(checkpoint, collect(checkpoint, tensor_shapes))
    if needs_weights and tower_folder(name, checkpoint) is None:
        locate(name)


def _tower_is_inside(checkpoint: Checkpoint, names: Iterable[str]) -> bool:
    """Return whether the tower's weights are the checkpoint's own, as the originals decide it."""
    config = checkpoint.config
    may_be = config.tower_inside or config.is_llava
    return may_be and any(name.startswith(TOWER_PREFIX) for name in names)


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


@dataclass(frozen=True)
class TowerSource:
    """The settings of a tower's preprocessing, and its own weight files if it has some."""

    preprocessor: Mapping[str, Any]
    files: list[Path]


def load_tower(
    checkpoint: Checkpoint, tensors: Mapping[str, Tensor], dtype: torch.dtype
) -> tuple[VisionTower, TowerSource]:
    """Return the tower that a checkpoint names, or holds among its tensors, and its source.

    Raises
    ------
    InputError
        If the weights do not fit; a table says which.
    MissingError
        If they are not there.
    """
    config = checkpoint.config
    name = _tower_name(checkpoint)
    folder = tower_folder(name, checkpoint)
    settings, preprocessor = tower_settings(name, folder)
    files: list[Path] = []
    if _tower_is_inside(checkpoint, tensors):
        weights, where = below(TOWER_PREFIX, tensors), checkpoint.folder
    else:
        files = _own_files(name, folder)
        weights, where = merge_shards(files, read_weights), files[0].parent
    with quiet_transformers():
        encoder = build_tower(settings, weights, where, dtype)
    return (
        VisionTower(encoder, config.select_layer, config.select_feature),
        TowerSource(preprocessor, files),
    )


def load_projector_of(
    checkpoint: Checkpoint, tensors: Mapping[str, Tensor], tower: VisionTower
) -> Projector:
    """Return a checkpoint's projector in float32; raises InputError if its tensors do not fit."""
    settings = language_config(checkpoint.config)
    projector = build_projector(
        checkpoint.config.projector_type,
        tower.width,
        settings.hidden_size,
        settings.num_attention_heads,
        tower.num_layers,
    )
    found = projector_tensors(below(PROJECTOR_PREFIX, tensors))
    needed = {name: tuple(tensor.shape) for name, tensor in projector.state_dict().items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    compare(shapes, needed).prefixed(PROJECTOR_PREFIX).refuse(checkpoint.folder)
    projector.load_state_dict(found)
    return projector


def _language_model(
    checkpoint: Checkpoint, tensors: Mapping[str, Tensor], placement: Placement
) -> Any:
    settings = language_config(checkpoint.config)
    with quiet_transformers():
        model, info = language_class(checkpoint.config).from_pretrained(
            None,
            config=settings,
            state_dict={
                name: tensor
                for name, tensor in tensors.items()
                # a head that is tied to the embeddings is theirs, whatever the file holds
                if is_language(name) and not (settings.tie_word_embeddings and name == HEAD)
            },
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **placement.loading_options(),
        )
    _check(info, checkpoint, settings.tie_word_embeddings)
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
    settings = language_config(checkpoint.config)
    with torch.device("meta"):
        table = language_class(checkpoint.config)(settings).get_input_embeddings()
    found = tensors.get(EMBEDDINGS)
    needed = {EMBEDDINGS: tuple(table.weight.shape)}
    shapes = {} if found is None else {EMBEDDINGS: tuple(found.shape)}
    compare(shapes, needed).refuse(checkpoint.weights[0].parent)
    table.weight = nn.Parameter(tensors[EMBEDDINGS], requires_grad=False)
    return EmbeddingsOnly(table)


def _check(info: Mapping[str, Any], checkpoint: Checkpoint, tied: bool) -> None:
    KeyTable(
        missing=sorted(info["missing_keys"]),
        unexpected=sorted(
            name for name in info["unexpected_keys"] if not (tied and name == "lm_head.weight")
        ),
        wrong_shape={name: (tuple(a), tuple(b)) for name, a, b in sorted(info["mismatched_keys"])},
    ).refuse(checkpoint.weights[0].parent)
