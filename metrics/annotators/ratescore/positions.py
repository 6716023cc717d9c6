"""DeBERTa's products with its relative positions, which are the same for every text.

Each layer multiplies its 512 positions anew for each batch, which on a CPU costs many times what
a sentence of twenty words does.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_ASKED = ("query_proj", "key_proj", "pos_query_proj", "pos_key_proj")


class RememberedPositions(nn.Module):
    """A layer that keeps its product with the positions; they are known by their number."""

    def __init__(self, layer: nn.Module, positions: int) -> None:
        super().__init__()
        self._layer = layer
        self._positions = positions
        self._last: tuple[Tensor, Tensor] | None = None

    def forward(self, states: Tensor) -> Tensor:
        """Return the layer's product; the last one, if its states were the same."""
        if states.shape[:-1] != (1, self._positions):
            product: Tensor = self._layer(states)
            return product
        if self._last is None or not torch.equal(states, self._last[0]):
            self._last = states, self._layer(states)
        return self._last[1]


def remember_positions(encoder: Any) -> None:
    """Have each layer of a DeBERTa multiply its positions once; other encoders have none."""
    positions = getattr(encoder.encoder, "rel_embeddings", None)
    if positions is None:
        return
    for module in list(encoder.modules()):
        for name, layer in module.named_children():
            if name in _ASKED:
                setattr(module, name, RememberedPositions(layer, positions.num_embeddings))
