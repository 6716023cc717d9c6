"""What a whole checkpoint holds beside the language model: tower, settings and tokenizer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from models.libra.checkpoint import BASE_FIELD, Checkpoint
from models.libra.config import LANGUAGE_CLASSES, read_json
from models.libra.loading import load_tower
from models.libra.tensor_names import PROJECTOR_PREFIX, TOWER_PREFIX, below, collect
from models.libra.tower import tower_config, tower_folder, tower_settings
from models.libra.tower_names import official_names
from models.weights_files import read_tensors

_KINDS = {"dinov2": "dino", "clip_vision_model": "clip", "siglip_vision_model": "siglip"}
"""What the original looks for in a tower's name to choose its class."""
_TEXT_FILES = (
    "tokenizer*", "vocab*", "merges*", "special_tokens_map.json", "added_tokens.json",
    "chat_template*", "generation_config.json", "*.model",
)  # fmt: skip
T = TypeVar("T")


def whole_config(origin: Checkpoint) -> dict[str, Any]:
    """Return config.json of a checkpoint as its files have it, in Libra's layout or LLaVA's.

    Where a plain language model has been given a projector, the fields for it are added.
    """
    raw = read_json(origin.folder / "config.json")
    raw.pop(BASE_FIELD, None)
    config = origin.config
    if raw.get("mm_vision_tower") is not None:
        return raw
    plain = LANGUAGE_CLASSES[config.model_type]
    return raw | {
        "model_type": config.family,
        "architectures": [f"Libra{plain}"],
        "mm_vision_tower": config.vision_tower,
        "mm_projector_type": config.projector_type,
        "mm_vision_select_layer": config.select_layer,
        "mm_vision_select_feature": config.select_feature,
        "mm_use_im_start_end": False,
        "mm_use_im_patch_token": False,
        "image_aspect_ratio": config.aspect_ratio,
        "use_mm_proj": True,
    }


def official_projector(origin: Checkpoint, projector: Mapping[str, T]) -> dict[str, T]:
    """Return a projector's values under the names of a whole checkpoint.

    LLaVA's own layout lacks the wrapper's name.
    """
    wrapper = "projector." if origin.config.is_llava else ""
    return {
        PROJECTOR_PREFIX + name.removeprefix(wrapper): value for name, value in projector.items()
    }


def tower_reference(origin: Checkpoint) -> str:
    """Return what a folder that stands on the same base calls the tower.

    A folder beside the base, or in it, is found there by its name; any other by its whole path.
    """
    name = str(origin.config.vision_tower)
    folder = _own_folder(origin)
    below_base = (origin.text_folder.parent / name, origin.text_folder / name)
    return name if folder is None or folder in below_base else str(folder.absolute())


def tower_part(origin: Checkpoint) -> dict[str, Tensor]:
    """Return the tower's tensors under the names of a whole checkpoint, unrounded."""
    tensors = collect(origin, read_tensors)
    inside = next(iter(below(TOWER_PREFIX, tensors).values()), None)
    tower, source = load_tower(origin, tensors, torch.float32)
    dtype = torch.float32 if source.files or inside is None else inside.dtype
    encoder = tower.encoder
    named = official_names(encoder.state_dict(), encoder.config.model_type)
    return {TOWER_PREFIX + name: tensor.to(dtype) for name, tensor in named.items()}


def write_settings(folder: Path, origin: Checkpoint, config: Mapping[str, Any]) -> None:
    """Write config.json, tokenizer, generation settings and tower settings of a whole checkpoint.

    The checkpoint holds the tower's weights. The settings of a tower that was a folder are copied
    into one below ``folder``: its name means nothing elsewhere.

    Parameters
    ----------
    folder
        Where to.
    origin
        What the checkpoint was made from.
    config
        Its config.json, but for the tower.
    """
    for file in {file for pattern in _TEXT_FILES for file in origin.text_folder.glob(pattern)}:
        if file.is_file():
            shutil.copyfile(file, folder / file.name)
    written = {**config, "unfreeze_mm_vision_tower": True}
    tower = _own_folder(origin)
    if tower is not None:
        settings, preprocessor = tower_settings(str(origin.config.vision_tower), tower)
        kind = tower_config(settings, tower).model_type
        written["mm_vision_tower"] = f"vision_tower_{_KINDS[kind]}"
        below_folder = folder / written["mm_vision_tower"]
        below_folder.mkdir()
        write_json(below_folder / "config.json", settings)
        write_json(below_folder / "preprocessor_config.json", preprocessor)
    write_json(folder / "config.json", written)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write an object as JSON."""
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def _own_folder(origin: Checkpoint) -> Path | None:
    """Return the folder of a tower that is named by a path; None for one of the hub."""
    name = str(origin.config.vision_tower)
    folder, parts = tower_folder(name, origin), Path(name).parts
    return folder if folder is not None and folder.parts[-len(parts) :] == parts else None
