"""What the forward pass of one record keeps for the backward pass, by real code without data.

Korthikanti et al. 2022 (arXiv:2205.05198, section 4) count the tensors that each operation of a
block keeps. Here autograd is asked for them instead: a block and a projector of the recipe's own
sizes run on fake tensors, which have shapes and no memory, under the stage's precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from models.libra.language_model import quiet_transformers
from models.libra.projectors import build_projector
from models.training.tuning.recipe import Lora, TuningStage
from models.training.tuning.shapes import Parts


@dataclass(frozen=True)
class Activations:
    """Bytes that one record keeps on its device.

    Parameters
    ----------
    blocks
        How many blocks the language model has.
    block
        What one block keeps, its input among it.
    block_input
        What is left of a block with gradient checkpointing.
    projector
        What a projector that learns keeps.
    head
        Logits at learnt tokens, in float32 and in the stage's precision, with their gradients.
    """

    blocks: int
    block: int
    block_input: int
    projector: int
    head: int

    def kept(self, checkpointed: bool) -> int:
        """Return the bytes at their most: with checkpointing, one block is whole at a time."""
        inside = self.blocks * (self.block_input if checkpointed else self.block)
        return inside + checkpointed * self.block + self.projector + self.head


def record_activations(
    parts: Parts, stage: TuningStage, lora: Lora, tokens: int, learnt: int
) -> Activations:
    """Return what one record of so many tokens, so many of them learnt, keeps.

    What a frozen tower and a frozen projector need passes before the language model begins, and is
    less than what that keeps.
    """
    config = parts.language_config
    size = _measured_dtype(stage).itemsize
    return Activations(
        blocks=int(config.num_hidden_layers),
        block=_block_bytes(parts, stage, lora, tokens),
        block_input=size * tokens * int(config.hidden_size),
        projector=_projector_bytes(parts, stage) if "projector" in stage.trains else 0,
        head=learnt * int(config.vocab_size) * (8 + size),
    )


def _block_bytes(parts: Parts, stage: TuningStage, lora: Lora, tokens: int) -> int:
    config, decoder = parts.language_config, parts.language_model.model
    dtype = _measured_dtype(stage)

    def build() -> _Run:
        with quiet_transformers(), _default_dtype(dtype):
            block = type(decoder.layers[0])(config, 0)
        block.requires_grad_("language_model" in stage.trains)
        hidden = torch.empty(1, tokens, config.hidden_size, dtype=dtype, requires_grad=True)
        places = type(decoder.rotary_emb)(config)(hidden, torch.arange(tokens)[None])
        run = partial(block, hidden, position_embeddings=places, attention_mask=None)
        return _Run(run, [*block.parameters(), *places])

    before = config._attn_implementation
    # SDPA keeps what flash attention keeps
    config._attn_implementation = "eager" if stage.attention == "eager" else "sdpa"
    try:
        found = _kept_bytes(build, dtype)
    finally:
        config._attn_implementation = before
    adapted = "lora" in stage.trains
    return found + adapted * tokens * _adapter_bytes(decoder.layers[0], lora, dtype.itemsize)


def _adapter_bytes(block: nn.Module, lora: Lora, size: int) -> int:
    """Return what a block's adapters keep of a token: their own inputs, masks and inner values."""
    inputs = [module.in_features for module in block.modules() if isinstance(module, nn.Linear)]
    return sum((size + (lora.dropout > 0)) * width + size * lora.rank for width in inputs)


def _projector_bytes(parts: Parts, stage: TuningStage) -> int:
    tower, config = parts.vision_tower, parts.language_config

    def build() -> _Run:
        projector = build_projector(
            parts.projector_type,
            tower.width,
            config.hidden_size,
            config.num_attention_heads,
            tower.num_layers,
        )
        features = torch.empty(1, tower.num_layers, tower.num_patches, tower.width)
        return _Run(partial(projector, features, features.clone()), [*projector.parameters()])

    return _kept_bytes(build, _measured_dtype(stage))


@dataclass(frozen=True)
class _Run:
    """A forward pass, and the tensors that stay in memory whether it keeps them or not."""

    run: Callable[[], Any]
    standing: list[Tensor]


def _kept_bytes(build: Callable[[], _Run], dtype: torch.dtype) -> int:
    """Return the bytes that autograd keeps of a forward pass, but for those that stand anyway."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.autograd.graph import saved_tensors_hooks

    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with FakeTensorMode():
        forward = build()
        rounded = torch.autocast("cpu", dtype, enabled=dtype != torch.float32)
        with rounded, saved_tensors_hooks(keep, lambda tensor: tensor):
            forward.run()
        standing = {one.untyped_storage()._cdata for one in forward.standing}
        sizes = {one.untyped_storage()._cdata: one.untyped_storage().nbytes() for one in kept}
    return sum(size for storage, size in sizes.items() if storage not in standing)


def _measured_dtype(stage: TuningStage) -> torch.dtype:
    """Return a dtype of the stage's size that CPUs compute in."""
    return torch.float32 if stage.precision == "fp32" else torch.bfloat16


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
