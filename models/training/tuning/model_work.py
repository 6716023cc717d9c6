"""The floating point operations that a learner's parts take in training."""

from __future__ import annotations

from typing import Any

from torch import nn

from models.libra.tower import VisionTower
from models.training.tuning.learner import Learner
from models.training.tuning.throughput import Work

_FORWARD = 2  # a multiplication and an addition per weight
_BACKWARD = 2  # the same for the gradient of what went in, and again for the weight's own


def work_of(learner: Learner, *, encodes: bool = True) -> Work:
    """Return what one sample, token, token pair and answer cost, matrix products alone.

    What is recomputed under gradient checkpointing is not counted, as in the model FLOPs
    utilisation of Chowdhery et al. 2022 (PaLM), appendix B. Attention is counted as causal.

    Parameters
    ----------
    learner
        With its parts frozen as they are trained.
    encodes
        Whether the tower runs; not with a cache of its features.
    """
    language = learner.language_model
    head = language.get_output_embeddings()
    layers = [one for one in language.modules() if isinstance(one, nn.Linear) and one is not head]
    tower = learner.vision_tower
    seen = _encoding(tower) * (2 if learner.reads_prior else 1) if encodes else 0
    return Work(
        per_sample=seen + _projection(learner.mm_projector, tower.num_patches),
        per_token=sum(map(_trained_through, layers)),
        per_square=_causal_attention(language.config),
        per_answer=_trained_through(head),
    )


def _trained_through(layer: nn.Linear) -> float:
    """Return the operations per row of a layer that gradients pass."""
    passes = _FORWARD + _BACKWARD * (2 if layer.weight.requires_grad else 1)
    return passes * layer.weight.numel()


def _causal_attention(config: Any) -> float:
    heads = int(config.num_attention_heads)
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    # scores and weighted sums, half of them masked; twice as much on the way back
    forward = 2 * _FORWARD * heads * size / 2
    return float(config.num_hidden_layers * forward * 3)


def _projection(projector: nn.Module, patches: int) -> float:
    matrices = [one for one in projector.parameters() if one.dim() == 2]
    attentions = [one for one in projector.modules() if isinstance(one, nn.MultiheadAttention)]
    weights = sum(one.numel() for one in matrices)
    pairs = sum(2 * one.embed_dim for one in attentions)
    is_trained = any(one.requires_grad for one in matrices)
    forward = float(_FORWARD * (weights * patches + pairs * patches**2))
    return forward * (3 if is_trained else 1)


def _encoding(tower: VisionTower) -> float:
    layers = [one for one in tower.modules() if isinstance(one, nn.Linear)]
    weights = sum(one.weight.numel() for one in layers)
    blocks, patches = int(tower.encoder.config.num_hidden_layers), tower.num_patches
    return float(_FORWARD * (weights * patches + 2 * blocks * tower.width * patches**2))
