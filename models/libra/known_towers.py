"""Shapes and preprocessing of the towers that published checkpoints name on the hub.

With these a checkpoint that carries its own tower loads without the hub, and keys of real size
are checked without weights. Facts: the config files of ``openai/clip-vit-large-patch14-336`` and
``microsoft/rad-dino``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KnownTower:
    """A tower's ``config.json`` and ``preprocessor_config.json``, as far as they matter."""

    config: dict[str, Any]
    preprocessor: dict[str, Any]


def _square(pixels: int) -> dict[str, Any]:
    return {
        "do_resize": True,
        "size": {"shortest_edge": pixels},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": pixels, "width": pixels},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "do_convert_rgb": True,
    }


KNOWN_TOWERS: dict[str, KnownTower] = {
    "openai/clip-vit-large-patch14-336": KnownTower(
        config={
            "model_type": "clip_vision_model",
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "image_size": 336,
            "patch_size": 14,
            "projection_dim": 768,
            "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-5,
        },
        preprocessor={
            **_square(336),
            "image_processor_type": "CLIPImageProcessor",
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
        },
    ),
    "microsoft/rad-dino": KnownTower(
        config={
            "model_type": "dinov2",
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "mlp_ratio": 4,
            "image_size": 518,
            "patch_size": 14,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-6,
        },
        preprocessor={
            **_square(518),
            "image_processor_type": "BitImageProcessor",
            "image_mean": [0.5307, 0.5307, 0.5307],
            "image_std": [0.2583, 0.2583, 0.2583],
        },
    ),
}
