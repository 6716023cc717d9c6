"""The parts of a recipe's model without their weights, from config files or known shapes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.errors import MissingError
from models.hub import ALIASES, is_here, locate
from models.libra.config import LANGUAGE_CLASSES, LibraConfig, read_config
from models.libra.known_towers import KNOWN_TOWERS
from models.libra.language_model import language_config, quiet_transformers, transformers_config
from models.libra.projectors import Projector, TemporalAlignmentConnector, build_projector
from models.libra.tower import VisionTower, tower_class, tower_config, tower_settings
from models.training.tuning.known_shapes import (
    KNOWN_CHECKPOINTS,
    KNOWN_LANGUAGE_MODELS,
    KnownCheckpoint,
)
from models.training.tuning.recipe import Start


@dataclass(frozen=True)
class Parts:
    """A model on the ``meta`` device: shapes, and no numbers."""

    language_model: Any
    vision_tower: VisionTower
    projector: Projector
    projector_type: str

    @property
    def language_config(self) -> Any:
        """Transformers' config object of the language model."""
        return self.language_model.config

    @property
    def images(self) -> int:
        """How many images of a record are encoded: with a prior two."""
        return 2 if isinstance(self.projector, TemporalAlignmentConnector) else 1


def build_parts(start: Start) -> Parts:
    """Return the parts of what a recipe starts from; nothing is downloaded.

    Folders and hub models on this machine are read from their config files, published models that
    are not here from a table.

    Raises
    ------
    InputError
        If the parts do not fit together, or are of another family.
    MissingError
        If a hub id is neither here nor in the table.
    """
    if start.checkpoint is not None:
        return _of_checkpoint(start.checkpoint)
    config = _language_config(str(start.language_model))
    tower = _tower_settings(str(start.vision_tower), (Path(),))
    return _built(config, tower, start.projector, start.select_layer, start.select_feature)


def _of_checkpoint(given: str) -> Parts:
    if not is_here(given):
        known = KNOWN_CHECKPOINTS.get(ALIASES.get(given, given))
        if known is None:
            raise _missing("start.checkpoint", given)
        return _of_known(known)
    folder = locate(given)
    config = read_config(folder)
    tower = _tower_settings(str(config.vision_tower), (folder, folder.parent, Path()))
    return _built(
        language_config(config),
        tower,
        config.projector_type,
        config.select_layer,
        config.select_feature,
    )


def _of_known(known: KnownCheckpoint) -> Parts:
    return _built(
        _language_config(known.language_model),
        _tower_settings(known.vision_tower, ()),
        known.projector,
        known.select_layer,
        "patch",
    )


def _language_config(given: str) -> Any:
    if is_here(given):
        found: LibraConfig = read_config(locate(given))
        return language_config(found)
    if given not in KNOWN_LANGUAGE_MODELS:
        raise _missing("start.language_model", given)
    fields = dict(KNOWN_LANGUAGE_MODELS[given])
    return transformers_config(fields.pop("model_type"), fields, given)


def _tower_settings(name: str, places: tuple[Path, ...]) -> dict[str, Any]:
    for place in places:
        if (place / name).is_dir():
            return tower_settings(name, place / name)[0]
    if is_here(name):
        return tower_settings(name, locate(name))[0]
    if name not in KNOWN_TOWERS:
        raise _missing("start.vision_tower", name)
    return tower_settings(name, None)[0]


def _built(
    config: Any, tower: dict[str, Any], projector: str, select_layer: Any, select_feature: str
) -> Parts:
    import transformers

    settings = tower_config(tower, "the vision tower")
    kind = getattr(transformers, LANGUAGE_CLASSES[config.model_type])
    with torch.device("meta"), quiet_transformers():
        language_model = kind(config)
        encoder = tower_class(settings)(settings)
        vision_tower = VisionTower(encoder, select_layer, select_feature)
        between = build_projector(
            projector,
            vision_tower.width,
            config.hidden_size,
            config.num_attention_heads,
            vision_tower.num_layers,
        )
    return Parts(language_model, vision_tower, between, projector)


def _missing(key: str, given: str) -> MissingError:
    return MissingError(
        f"{key}: {given!r} is neither on this machine nor among the models whose shapes are known. "
        f"`hf download {given}` gets it; its config.json is enough for a plan: "
        f"`hf download {given} config.json`."
    )
