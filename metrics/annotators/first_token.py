"""The first token's vector of a BERT encoder, with no more of the last layer than it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class FirstTokenEncoder:
    """Computes the last hidden state at position 0.

    In the last layer only the first token asks, so its attention, output and feed-forward parts
    are computed for one token instead of all: a fourteenth of a base-sized encoder's time.

    Parameters
    ----------
    encoder
        transformers' ``BertModel`` or one of the same build (RoBERTa), in evaluation mode. Its
        last layer is taken off; do not use it for anything else.
    """

    def __init__(self, encoder: Any) -> None:
        self._last = encoder.encoder.layer[-1]
        encoder.encoder.layer = encoder.encoder.layer[:-1]
        self._encoder = encoder

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the vectors, shape (n, dim), for ids and mask of shape (n, tokens)."""
        hidden = self._encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        first = hidden[:, 0]
        attention = self._last.attention
        mixed = attention.output(self._attend(first, hidden, mask), first)
        vectors: Tensor = self._last.output(self._last.intermediate(mixed), mixed)
        return vectors

    def _attend(self, first: Tensor, hidden: Tensor, mask: Tensor) -> Tensor:
        import torch

        own = self._last.attention.self
        n, tokens, _ = hidden.shape
        heads = (n, tokens, own.num_attention_heads, own.attention_head_size)
        query = own.query(first).view(n, 1, *heads[2:]).transpose(1, 2)
        key = own.key(hidden).view(heads).transpose(1, 2)
        value = own.value(hidden).view(heads).transpose(1, 2)
        scores = query @ key.transpose(2, 3) * own.attention_head_size**-0.5
        masked = scores.masked_fill(mask[:, None, None] == 0, float("-inf"))
        attended: Tensor = torch.softmax(masked, -1) @ value
        return attended.transpose(1, 2).reshape(n, -1)
