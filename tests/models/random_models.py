"""Small models of transformers' classes with random weights, under which texts vary."""

from __future__ import annotations

import math
from typing import Any

import torch
import transformers
from torch import nn


def randomised(module: nn.Module, scale: float, seed: int) -> Any:
    """Return a module in evaluation mode, its matrices drawn with this standard deviation."""
    generator = torch.Generator().manual_seed(seed)
    for weight in module.eval().requires_grad_(False).parameters():
        if weight.dim() > 1:
            weight.normal_(0, scale, generator=generator)
    return module


def language_model(family: str, scale: float = 0.3, **settings: Any) -> Any:
    """Return a random model of a family (``Llama``, …); settings replace those of its config."""
    sizes = {
        "vocab_size": 520,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        **settings,
    }
    config = getattr(transformers, f"{family}Config")(**sizes)
    kind = getattr(transformers, f"{family}ForCausalLM")
    return randomised(kind(config), scale, len(family))


def unscale_embeddings(model: Any) -> Any:
    """Return a Gemma whose embeddings, tied to its head and scaled up in it, are small again."""
    model.get_input_embeddings().weight.mul_(1 / math.sqrt(8))
    return model
