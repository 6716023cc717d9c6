"""Shapes of published language models and checkpoints, so that plans need no download.

From the models' config.json on the hub, as far as they decide shapes. `known_towers` holds those
of vision towers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

_LLAMA_2_7B: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "vocab_size": 32000,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": False,
}
_LLAMA_3_8B = {
    **_LLAMA_2_7B,
    "intermediate_size": 14336,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
}

KNOWN_LANGUAGE_MODELS: dict[str, dict[str, Any]] = {
    "epfl-llm/meditron-7b": {**_LLAMA_2_7B, "vocab_size": 32017, "max_position_embeddings": 2048},
    "lmsys/vicuna-7b-v1.5": _LLAMA_2_7B,
    "meta-llama/Llama-2-7b-hf": _LLAMA_2_7B,
    "meta-llama/Llama-2-7b-chat-hf": _LLAMA_2_7B,
    "meta-llama/Meta-Llama-3-8B-Instruct": _LLAMA_3_8B,
    "meta-llama/Llama-3.1-8B-Instruct": {**_LLAMA_3_8B, "max_position_embeddings": 131072},
    "meta-llama/Llama-3.2-3B-Instruct": {
        "model_type": "llama",
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 28,
        "num_attention_heads": 24,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": True,
    },
    "mistralai/Mistral-7B-Instruct-v0.2": {
        "model_type": "mistral",
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 32000,
        "max_position_embeddings": 32768,
        "sliding_window": None,
        "tie_word_embeddings": False,
    },
}
"""Fields of config.json by hub id."""


@dataclass(frozen=True)
class KnownCheckpoint:
    """The parts of a published checkpoint, by the hub ids of what they were made from."""

    language_model: str
    vision_tower: str
    projector: str
    select_layer: int | Literal["all"]


_CLIP = "openai/clip-vit-large-patch14-336"
_MED_CXRGEN = KnownCheckpoint("lmsys/vicuna-7b-v1.5", _CLIP, "mlp2x_gelu", -2)
_LLAVA_MED = KnownCheckpoint("mistralai/Mistral-7B-Instruct-v0.2", _CLIP, "mlp2x_gelu", -2)

KNOWN_CHECKPOINTS: dict[str, KnownCheckpoint] = {
    "X-iZhang/libra-v1.0-7b": KnownCheckpoint(
        "epfl-llm/meditron-7b", "microsoft/rad-dino", "TAC", "all"
    ),
    "X-iZhang/libra-v1.0-3b": KnownCheckpoint(
        "meta-llama/Llama-3.2-3B-Instruct", "microsoft/rad-dino", "TAC", "all"
    ),
    "X-iZhang/Med-CXRGen-F": _MED_CXRGEN,
    "X-iZhang/Med-CXRGen-I": _MED_CXRGEN,
    "X-iZhang/libra-llava-med-v1.5-mistral-7b": _LLAVA_MED,
    "microsoft/llava-med-v1.5-mistral-7b": _LLAVA_MED,
}
"""From the tables of X-iZhang/Libra's README."""
