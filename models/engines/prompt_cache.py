"""Keys and values of a batch of studies: a prompt's once, a sequence's own tokens apart.

A study's beams or samples share their prompt. transformers copies its keys and values for each of
them; here they are kept once, and each sequence only owns what it generated. The attention over
both is one softmax, so the result is the same.

Shapes: B studies, K sequences per study, H query heads in Hkv groups of G, P prompt columns
(left-padded), S generated tokens, d numbers per head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_GROWTH = 64  # suffix columns that are allocated at a time


@dataclass
class _Layer:
    prompt_keys: Tensor  # [B, Hkv, P, d]
    prompt_values: Tensor
    keys: Tensor  # [B * K, Hkv, at least S, d]
    values: Tensor


class PromptCache:
    """The attention state of one batch.

    Parameters
    ----------
    lengths
        Tokens of each study's prompt.
    sequences
        K, the sequences that are generated per study.
    device
        Where positions and masks are made.
    """

    def __init__(self, lengths: Sequence[int], sequences: int, device: torch.device) -> None:
        self.sequences = sequences
        self.width = max(lengths)
        self.lengths = torch.tensor(lengths, device=device)
        columns = torch.arange(self.width, device=device)
        self.positions = columns - (self.width - self.lengths)[:, None]
        """Position of each prompt column ``[B, P]``, negative where there is padding."""
        self.generated = 0
        self._layers: dict[int, _Layer] = {}
        self._masks: dict[int | None, Tensor | None] = {}
        self._rows: slice | None = None

    @property
    def studies(self) -> int:
        """Number of studies still in the batch."""
        return len(self.lengths)

    @property
    def n_layers(self) -> int:
        """Number of layers whose keys and values have been stored."""
        return len(self._layers)

    def size_bytes(self) -> int:
        """Return the memory of all keys and values."""
        tensors = [tensor for layer in self._layers.values() for tensor in vars(layer).values()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def begin_prompts(self, rows: slice) -> None:
        """Say which studies the coming forward pass prefills."""
        self._rows = rows
        self._masks = {}

    def begin_step(self) -> None:
        """Say that the coming forward pass adds a token to every sequence."""
        self._rows = None
        self._masks = {}
        self.generated += 1

    def attend(
        self,
        index: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        scaling: float,
        window: int | None,
    ) -> Tensor:
        """Store a layer's new keys and values, and return the attention ``[n, tokens, H, d]``.

        ``query`` is ``[n, H, tokens, d]``, ``key`` and ``value`` ``[n, Hkv, tokens, d]``; n is the
        number of studies in a prefill, of sequences in a step. ``window`` is the number of
        positions, its own included, that a token sees.
        """
        if self._rows is not None:
            self._store_prompts(index, self._rows, key, value)
            return self._attend_prompts(self._rows, query, key, value, scaling, window)
        return self._attend_step(self._append(index, key, value), query, scaling, window)

    def reorder(self, parents: Tensor) -> None:
        """Give each sequence the tokens of its parent, ``[B, K]`` numbers within the study."""
        offsets = torch.arange(self.studies, device=parents.device)[:, None] * self.sequences
        chosen = (parents + offsets).flatten()
        for layer in self._layers.values():
            for tensor in (layer.keys, layer.values):
                used = tensor[:, :, : self.generated]
                used.copy_(used.index_select(0, chosen.to(tensor.device)))

    def keep(self, studies: Tensor) -> None:
        """Drop all studies but these (numbers, ascending)."""
        sequences = torch.arange(self.sequences, device=studies.device)
        rows = (studies[:, None] * self.sequences + sequences).flatten()
        self.lengths, self.positions = self.lengths[studies], self.positions[studies]
        for layer in self._layers.values():
            device = layer.keys.device
            layer.prompt_keys = layer.prompt_keys[studies.to(device)]
            layer.prompt_values = layer.prompt_values[studies.to(device)]
            layer.keys, layer.values = layer.keys[rows.to(device)], layer.values[rows.to(device)]

    def _store_prompts(self, index: int, rows: slice, key: Tensor, value: Tensor) -> None:
        heads, tokens, size = key.shape[1:]
        if index not in self._layers:
            whole = (self.studies, heads, self.width, size)
            none = (self.studies * self.sequences, heads, 0, size)
            self._layers[index] = _Layer(
                key.new_zeros(whole),
                value.new_zeros(whole),
                key.new_empty(none),
                value.new_empty(none),
            )
        layer = self._layers[index]
        layer.prompt_keys[rows, :, self.width - tokens :] = key
        layer.prompt_values[rows, :, self.width - tokens :] = value

    def _attend_prompts(
        self,
        rows: slice,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        scaling: float,
        window: int | None,
    ) -> Tensor:
        mask = self._prompt_mask(rows, query.shape[2], window)
        attended = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if mask is None else mask.to(query.device),
            is_causal=mask is None,
            scale=scaling,
            enable_gqa=query.shape[1] != key.shape[1],
        )
        return attended.transpose(1, 2).contiguous()

    def _prompt_mask(self, rows: slice, tokens: int, window: int | None) -> Tensor | None:
        """Which columns a prompt token sees ``[n, 1, tokens, tokens]``; None: all before it."""
        if window not in self._masks:
            positions = self.positions[rows, self.width - tokens :]
            mask = None
            if bool((positions[:, 0] < 0).any()) or (window is not None and window < tokens):
                distance = positions[:, :, None] - positions[:, None, :]
                seen = (distance >= 0) & (positions[:, None, :] >= 0)
                if window is not None:
                    seen &= distance < window
                # A padding token sees itself: a softmax over nothing would be NaN.
                mask = (seen | (distance == 0))[:, None]
            self._masks[window] = mask
        return self._masks[window]

    def _append(self, index: int, key: Tensor, value: Tensor) -> _Layer:
        layer = self._layers[index]
        if layer.keys.shape[2] < self.generated:
            more = key.new_empty(key.shape[0], key.shape[1], _GROWTH, key.shape[3])
            layer.keys = torch.cat([layer.keys, more], dim=2)
            layer.values = torch.cat([layer.values, more], dim=2)
        layer.keys[:, :, self.generated - 1] = key[:, :, 0]
        layer.values[:, :, self.generated - 1] = value[:, :, 0]
        return layer

    def _attend_step(
        self, layer: _Layer, query: Tensor, scaling: float, window: int | None
    ) -> Tensor:
        studies, k, groups = self.studies, self.sequences, layer.keys.shape[1]
        prompt_keys, prompt_values = (
            layer.prompt_keys.flatten(0, 1),
            layer.prompt_values.flatten(0, 1),
        )
        first = 0 if window is None else max(0, self.generated - window)
        own_keys = layer.keys[:, :, first : self.generated].flatten(0, 1)
        own_values = layer.values[:, :, first : self.generated].flatten(0, 1)
        heads = query.shape[1] // groups

        def by_study(tensor: Tensor) -> Tensor:  # [B * K * Hkv, G, n] -> [B * Hkv, K * G, n]
            parts = tensor.reshape(studies, k, groups, heads, -1)
            return parts.transpose(1, 2).reshape(studies * groups, k * heads, -1)

        def by_sequence(tensor: Tensor) -> Tensor:
            parts = tensor.reshape(studies, groups, k, heads, -1)
            return parts.transpose(1, 2).reshape(studies * k * groups, heads, -1)

        query = query.reshape(studies * k * groups, heads, -1)
        prompt_scores = torch.bmm(by_study(query), prompt_keys.transpose(1, 2))
        own_scores = torch.bmm(query, own_keys.transpose(1, 2))
        scores = torch.cat([prompt_scores, by_study(own_scores)], dim=-1) * scaling
        hidden = self._hidden_columns(window)
        if hidden is not None:
            prompt_part = scores.view(studies, -1, scores.shape[-1])[..., : self.width]
            prompt_part.masked_fill_(hidden.to(scores.device), -torch.inf)
        wide = torch.promote_types(query.dtype, torch.float32)
        weights = functional.softmax(scores, dim=-1, dtype=wide).to(query.dtype)
        attended = by_sequence(torch.bmm(weights[..., : self.width], prompt_values))
        attended = attended + torch.bmm(by_sequence(weights[..., self.width :]), own_values)
        return attended.reshape(studies * k, 1, groups * heads, -1)

    def _hidden_columns(self, window: int | None) -> Tensor | None:
        """Prompt columns ``[B, 1, P]`` that the newest token may not see; None if it sees all."""
        if window not in self._masks:
            first = torch.zeros_like(self.lengths)
            if window is not None:
                first = (self.lengths + self.generated - window).clamp(min=0)
            hidden = self.positions < first[:, None]
            self._masks[window] = hidden[:, None] if bool(hidden.any()) else None
        return self._masks[window]
