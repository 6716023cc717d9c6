"""What a stage starts from: the files of a recipe's start, or of the stage before."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from models.errors import InputError, MissingError
from models.hub import locate
from models.libra.checkpoint import BASE_FIELD, Checkpoint, find_checkpoint
from models.libra.config import LANGUAGE_MODELS, PLAIN, read_config, read_json
from models.training.tuning.publishing import finish_publishing
from models.training.tuning.recipe import Start
from models.weights_files import find_weights

OFFICIAL_TYPES = {
    plain: name for name, plain in LANGUAGE_MODELS.items() if name.startswith("libra")
}
"""Libra's ``model_type`` of a checkpoint over each kind of language model."""


def find_origin(start: Start, source: Path | None = None) -> Checkpoint:
    """Return the checkpoint that a stage starts from, found and described but not loaded.

    Parameters
    ----------
    start
        What the first stage begins with.
    source
        The folder that the stage before has saved; None for the first stage.

    Returns
    -------
    Checkpoint
        Where ``start`` puts parts together, it has the layout ``projector`` over the language
        model, and no file of a projector if that is new.

    Raises
    ------
    InputError
        If it is of another family, or the language model has a projector of its own.
    MissingError
        If files are not there.
    """
    if source is not None:
        finish_publishing(source)
        return find_checkpoint(source)
    if start.checkpoint is not None:
        return find_checkpoint(start.checkpoint, start.base)
    return _put_together(start)


def base_name(start: Start, source: Path | None, origin: Checkpoint) -> str:
    """Return how files name what an adapter or a projector made from ``origin`` stands on.

    Parameters
    ----------
    start, source, origin
        As `find_origin` takes and returns them.
    """
    if origin.layout == "full":
        return reference(str(start.checkpoint) if source is None else source)
    given = (start.base or start.language_model) if source is None else None
    if given is not None:
        return reference(given)
    is_adapter = origin.layout == "lora"
    file = origin.folder / ("adapter_config.json" if is_adapter else "config.json")
    named = str(read_json(file)["base_model_name_or_path" if is_adapter else BASE_FIELD])
    beside = origin.folder.parent / named
    return reference(beside if beside.is_dir() else named)


def reference(path_or_id: str | Path) -> str:
    """Return how files name a model, wherever they are read: an absolute path, or a hub id."""
    folder = Path(path_or_id).expanduser()
    return os.path.abspath(folder) if folder.is_dir() else str(path_or_id)


def _put_together(start: Start) -> Checkpoint:
    folder = locate(str(start.language_model))
    plain = read_config(folder)
    if plain.family not in PLAIN:
        raise InputError(
            f"{folder} is no plain language model: it has a projector of its own. Give it as "
            "start.checkpoint, or the language model that it stands on."
        )
    weights = find_weights(folder)
    if not weights:
        raise MissingError(f"The language model {folder} holds no weights. Download it again.")
    config = replace(
        plain,
        family=OFFICIAL_TYPES[plain.model_type],
        vision_tower=start.vision_tower,
        projector_type=start.projector,
        select_layer=start.select_layer,
        select_feature=start.select_feature,
        aspect_ratio=start.image_aspect_ratio,
    )
    extra = [] if start.projector_weights is None else [Path(start.projector_weights).expanduser()]
    return Checkpoint(folder.name, folder, "projector", config, weights, extra, folder)
