"""The tensors that an official checkpoint holds, and whether files have them, read off headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from models.errors import InputError
from models.libra.checkpoint import Checkpoint
from models.libra.config import LibraConfig
from models.libra.key_table import KeyTable, Shape, compare
from models.libra.known_towers import KNOWN_TOWERS
from models.libra.language_model import (
    UNBUILDABLE,
    language_class,
    language_config,
    quiet_transformers,
    refused,
)
from models.libra.projector_files import projector_tensors
from models.libra.projectors import build_projector
from models.libra.tensor_names import (
    EMBEDDINGS,
    PROJECTOR_PREFIX,
    TOWER_PREFIX,
    below,
    is_language,
)
from models.libra.tower import tower_class, tower_config
from models.libra.tower_names import official_names

HEAD = "lm_head.weight"
_POSITIONS = "position_ids"
"""A buffer that old versions of transformers saved."""


def official_keys(config: LibraConfig, tower: Mapping[str, Any] | None = None) -> dict[str, Shape]:
    """Return the tensors of a whole checkpoint: official names, and shapes.

    Parameters
    ----------
    config
        The checkpoint's settings.
    tower
        config.json of its vision tower; that of a known one if None.

    Returns
    -------
    dict
        The language model's tensors, the projector's under ``model.mm_projector.``, and the
        tower's under ``model.vision_tower.vision_tower.`` where it is the checkpoint's own. Names
        are those that the originals saved (transformers 4.51); tied embeddings are there once.

    Raises
    ------
    InputError
        If the tower is not known, or the parts do not fit together.
    """
    if tower is None:
        tower = _known_tower(config)
    projector = projector_keys(config, tower)
    if config.is_llava:
        projector = {name.removeprefix("projector."): shape for name, shape in projector.items()}
    keys = language_keys(config)
    keys |= {PROJECTOR_PREFIX + name: shape for name, shape in projector.items()}
    if config.tower_inside or config.is_llava:
        keys |= {TOWER_PREFIX + name: shape for name, shape in tower_keys(tower).items()}
    return keys


def language_keys(config: LibraConfig) -> dict[str, Shape]:
    """Return the tensors of the language model; tied embeddings once."""
    settings = language_config(config)
    keys = _shapes_of(language_class(config), settings, "config.json")
    if settings.tie_word_embeddings:
        keys.pop(HEAD, None)
    return keys


def projector_keys(config: LibraConfig, tower: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the tensors of the projector, under the names of our modules."""
    settings, vision = language_config(config), tower_config(tower, config.vision_tower)
    try:
        with torch.device("meta"):
            projector = build_projector(
                config.projector_type,
                vision.hidden_size,
                settings.hidden_size,
                settings.num_attention_heads,
                vision.num_hidden_layers if config.select_layer == "all" else 1,
            )
    except RuntimeError as error:  # sizes beyond what torch can count
        raise refused(config.projector_type, "config.json", error) from error
    return _shapes(projector)


def tower_keys(tower: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the tensors of a tower, under the names that transformers 4 saved."""
    settings = tower_config(tower, "the checkpoint")
    keys = _shapes_of(tower_class(settings), settings, "the vision tower's config.json")
    return official_names(keys, settings.model_type)


def check_shapes(
    checkpoint: Checkpoint,
    found: Mapping[str, Shape],
    tower: Mapping[str, Any],
    is_inside: bool,
) -> None:
    """Raise InputError with one table of all that does not fit.

    Parameters
    ----------
    checkpoint, found
        The checkpoint, and the shapes in its files.
    tower
        config.json of its vision tower.
    is_inside
        Whether the tower's weights are read from the checkpoint.
    """
    config = checkpoint.config
    language = {name: shape for name, shape in found.items() if is_language(name)}
    wanted = language_keys(config)
    if HEAD in language and HEAD not in wanted:  # tied: a copy of the embeddings, or a mistake
        wanted[HEAD] = wanted[EMBEDDINGS]
    table = compare(language, wanted)
    projector = projector_tensors(below(PROJECTOR_PREFIX, found))
    table += compare(projector, projector_keys(config, tower)).prefixed(PROJECTOR_PREFIX)
    needed = tower_keys(tower)
    kind = tower_config(tower, checkpoint.folder).model_type
    if is_inside:
        inside = official_names(below(TOWER_PREFIX, found), kind)
        ignored = [name for name in inside if name.endswith(_POSITIONS)]
        table += compare(inside, needed, ignored).prefixed(TOWER_PREFIX)
    else:
        unread = official_names(below(TOWER_PREFIX, found), kind)
        table += KeyTable(unexpected=_strangers(unread, needed)).prefixed(TOWER_PREFIX)
    table.refuse(" and ".join(dict.fromkeys(str(file.parent) for file in checkpoint.files)))


def _strangers(found: Mapping[str, Shape], needed: Mapping[str, Shape]) -> list[str]:
    """Return names that no tower of this kind has; its shapes do not matter if it is not read."""
    return [name for name in found if name not in needed and not name.endswith(_POSITIONS)]


def _shapes_of(kind: Any, settings: Any, where: str) -> dict[str, Shape]:
    try:
        with torch.device("meta"), quiet_transformers():
            return _shapes(kind(settings))
    except UNBUILDABLE as error:
        raise refused(settings.model_type, where, error) from error


def _shapes(module: nn.Module) -> dict[str, Shape]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _known_tower(config: LibraConfig) -> Mapping[str, Any]:
    if config.vision_tower not in KNOWN_TOWERS:
        raise InputError(
            f"The settings of the vision tower {config.vision_tower!r} are not known here. Give "
            "the content of its config.json."
        )
    return KNOWN_TOWERS[config.vision_tower].config
