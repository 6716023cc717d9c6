"""The first token's vector of a BERT encoder, with no more of the last layer than it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from metrics.annotators.row_encoder import RowEncoder, parallel

_CHUNK = 128
"""Sequences whose tokens' states are held at a time: 0.2 GB at most at BERT-base's size."""


class FirstTokenEncoder:
    """Computes the last hidden state of the first token.

    In the last layer only the first token asks. On a CPU its query, output and feed-forward parts
    are computed for that token alone: a fourteenth of a base-sized encoder's work is saved.

    Parameters
    ----------
    encoder
        transformers' ``BertModel``, or one of the same build, in evaluation mode; it belongs to
        this object from now on.
    padding
        The id of the padding token.
    device
        Where the encoder runs.
    """

    def __init__(self, encoder: Any, padding: int, device: str) -> None:
        self._last: Any = None
        if torch.device(device).type == "cpu":
            self._last = encoder.encoder.layer[-1]
            encoder.encoder.layer = encoder.encoder.layer[:-1]
        self._rows = RowEncoder(encoder, padding, device)

    def __call__(self, sequences: Sequence[Sequence[int]]) -> Tensor:
        """Return the vectors of at least one sequence of token ids, shape (n, dim)."""
        chunks = (sequences[i : i + _CHUNK] for i in range(0, len(sequences), _CHUNK))
        return torch.cat([torch.stack(self._vectors(chunk)) for chunk in chunks])

    def _vectors(self, sequences: Sequence[Sequence[int]]) -> list[Tensor]:
        states = self._rows(sequences)
        if self._last is None:
            return [tokens[0] for tokens in states]
        return parallel(self._finish, states)

    def _finish(self, tokens: Tensor) -> Tensor:
        """Return what the last layer makes of the first of the tokens, shape (dim,)."""
        attention = self._last.attention
        own = attention.self
        query, key, value = (
            part.view(-1, own.num_attention_heads, own.attention_head_size).transpose(0, 1)
            for part in (own.query(tokens[:1]), own.key(tokens), own.value(tokens))
        )
        attended = scaled_dot_product_attention(query[None], key[None], value[None])
        mixed = attention.output(attended.reshape(1, -1), tokens[:1])
        done: Tensor = self._last.output(self._last.intermediate(mixed), mixed)
        return done[0]
