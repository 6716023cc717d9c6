"""Write a trained model as a full checkpoint in Libra's own layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.libra.projectors import Projector, TemporalAlignmentConnector
from models.libra.tower_names import official_names
from models.training.phantom.parts import Parts

TOWER_FOLDER = "tower"
_TOWER_PREFIX = "model.vision_tower.vision_tower."
_PROJECTOR_PREFIX = "model.mm_projector."
_CLASS = "LibraLlamaForCausalLM"


@dataclass(frozen=True)
class GreyScale:
    """Mean and standard deviation of the training images' grey values, in [0, 1]."""

    mean: float
    deviation: float


def preprocessor_settings(image_size: int, grey: GreyScale) -> dict[str, Any]:
    """Return a ``preprocessor_config.json`` as RAD-DINO's: short edge resized, centre cropped."""
    return {
        "image_processor_type": "BitImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": image_size},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": image_size, "width": image_size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [grey.mean] * 3,
        "image_std": [grey.deviation] * 3,
    }


def export_checkpoint(
    folder: Path, parts: Parts, tokenizer: Any, preprocessor: Mapping[str, Any]
) -> None:
    """Write config, float16 weights, tower settings, tokenizer and generation settings.

    The tower's weights are in the checkpoint, as in published models with an adapted tower
    (``unfreeze_mm_vision_tower``); its subfolder holds settings only.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        **_half("", parts.language_model),
        **_half(_PROJECTOR_PREFIX, parts.projector),
        **_half(_TOWER_PREFIX, parts.tower, parts.tower.config.model_type),
    }
    weights = folder / "model.safetensors"
    save_file(tensors, weights, metadata={"format": "pt"})
    weights.chmod(0o644)
    _write(folder / "config.json", _config(parts))
    _write(folder / "generation_config.json", _generation(parts))
    tower = folder / TOWER_FOLDER
    tower.mkdir(exist_ok=True)
    _write(tower / "config.json", _plain(parts.tower.config, "Dinov2Model"))
    _write(tower / "preprocessor_config.json", preprocessor)
    tokenizer.save_pretrained(folder)


def _half(prefix: str, module: nn.Module, tower: str = "") -> dict[str, Tensor]:
    return {
        f"{prefix}{name}": tensor.detach().to(torch.float16).contiguous()
        for name, tensor in official_names(module.state_dict(), tower).items()
    }


def _config(parts: Parts) -> dict[str, Any]:
    with_prior = isinstance(parts.projector, TemporalAlignmentConnector)
    return {
        **_plain(parts.language_model.config, _CLASS),
        "model_type": "libra",
        "mm_vision_tower": TOWER_FOLDER,
        "mm_projector_type": _projector_type(parts.projector),
        "mm_hidden_size": parts.tower.config.hidden_size,
        "mm_vision_select_layer": "all" if with_prior else -1,
        "mm_vision_select_feature": "patch",
        "mm_use_im_start_end": False,
        "mm_use_im_patch_token": False,
        "image_aspect_ratio": "pad",
        "use_mm_proj": True,
        "unfreeze_mm_vision_tower": True,
        "tokenizer_padding_side": "right",
        "tokenizer_model_max_length": parts.language_model.config.max_position_embeddings,
        # these models were trained without the study's context
        "harness_context_sections": [],
    }


def _projector_type(projector: Projector) -> str:
    if isinstance(projector, TemporalAlignmentConnector):
        return "TAC"
    if isinstance(projector.projector, nn.Linear):
        return "linear"
    layers = sum(isinstance(module, nn.Linear) for module in projector.modules())
    return f"mlp{layers}x_gelu"


def _generation(parts: Parts) -> dict[str, Any]:
    config = parts.language_model.config
    ids = ("bos_token_id", "eos_token_id", "pad_token_id")
    return {name: getattr(config, name) for name in ids} | {"do_sample": False}


def _plain(config: Any, architecture: str) -> dict[str, Any]:
    fields = config.to_diff_dict() | {"architectures": [architecture], "dtype": "float16"}
    fields.pop("_name_or_path", None)
    return dict(fields)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
