"""Keys and values of a batch of studies: what a study's sequences share once, their own apart.

A study's beams or samples share their prompt. transformers copies its keys and values for each of
them; here they are kept once, and each sequence only owns what it generated. Tokens that all beams
of a study have come to share move to the prompt. The attention over both parts is one softmax, so
the result is the same.

Shapes: B studies, K sequences per study, H query heads in Hkv groups of G, P shared columns
(left-padded), S own tokens, d numbers per head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_GROWTH = 16  # own columns that are allocated at a time, or moved to the shared ones


@dataclass
class _Layer:
    shared_keys: Tensor  # [B, Hkv, P, d]
    shared_values: Tensor
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
        self.shared = torch.tensor(lengths, device=device)
        """Tokens of each study that all its sequences share, ``[B]``."""
        self.own = 0
        """Tokens that each sequence has for itself."""
        width = max(lengths)
        self.positions = torch.arange(width, device=device) - (width - self.shared)[:, None]
        """Position of each shared column ``[B, P]``, negative where there is padding."""
        # The place in the study where each own token of a sequence was computed, and how many
        # leading tokens were computed at one place for all sequences.
        self._lineage = torch.zeros((len(lengths), sequences, 0), dtype=torch.long, device=device)
        self._alike = 0
        self._layers: dict[int, _Layer] = {}
        self._masks: dict[int | None, Tensor | None] = {}
        self._rows: slice | None = None

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
        self.own += 1

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
        number of studies in a prefill, of sequences in a step (rows beyond them are spare: nothing
        is stored for them, and they attend to nothing). ``window`` is the number of positions, its
        own included, that a token sees.
        """
        if self._rows is not None:
            self._store_prompts(index, self._rows, key, value)
            return self._attend_prompts(self._rows, query, key, value, scaling, window)
        count = len(self.shared) * self.sequences
        layer = self._append(index, key[:count], value[:count])
        attended = self._attend_step(layer, query[:count], scaling, window)
        return functional.pad(attended, (0, 0, 0, 0, 0, 0, 0, len(query) - count))

    def reorder(self, parents: Tensor) -> None:
        """Give each sequence the own tokens of its parent, ``[B, K]`` numbers within the study."""
        numbers = torch.arange(self.sequences, device=parents.device).expand_as(parents)
        lineage = torch.cat([self._lineage, numbers[..., None]], dim=2)[..., : self.own]
        self._lineage = lineage.gather(1, parents[..., None].expand_as(lineage))
        offsets = torch.arange(len(parents), device=parents.device)[:, None] * self.sequences
        chosen = (parents + offsets).flatten()
        for layer in self._layers.values():
            for tensor in (layer.keys, layer.values):
                differing = tensor[:, :, self._alike : self.own]
                differing.copy_(differing.index_select(0, chosen.to(tensor.device)))
        alike = (self._lineage == self._lineage[:, :1]).all(dim=1).cumprod(dim=1).sum(dim=1)
        self._alike = int(alike.min())
        if self._alike >= _GROWTH:
            self._share(self._alike)

    def keep(self, studies: Tensor) -> None:
        """Drop all studies but these (numbers, ascending)."""
        numbers = torch.arange(self.sequences, device=studies.device)
        rows = (studies[:, None] * self.sequences + numbers).flatten()
        self.shared, self.positions = self.shared[studies], self.positions[studies]
        self._lineage = self._lineage[studies]
        for layer in self._layers.values():
            device = layer.keys.device
            layer.shared_keys = layer.shared_keys[studies.to(device)]
            layer.shared_values = layer.shared_values[studies.to(device)]
            layer.keys, layer.values = layer.keys[rows.to(device)], layer.values[rows.to(device)]

    def _share(self, count: int) -> None:
        """Move the first own tokens, which a study's sequences have in common, to the prompt."""
        for layer in self._layers.values():
            first_keys = layer.keys[:: self.sequences, :, :count]
            first_values = layer.values[:: self.sequences, :, :count]
            layer.shared_keys = torch.cat([layer.shared_keys, first_keys], dim=2)
            layer.shared_values = torch.cat([layer.shared_values, first_values], dim=2)
            layer.keys = layer.keys[:, :, count:].clone()
            layer.values = layer.values[:, :, count:].clone()
        new = self.shared[:, None] + torch.arange(count, device=self.shared.device)
        self.positions = torch.cat([self.positions, new], dim=1)
        self.shared = self.shared + count
        self._lineage = self._lineage[:, :, count:]
        self.own -= count
        self._alike = 0

    def _store_prompts(self, index: int, rows: slice, key: Tensor, value: Tensor) -> None:
        heads, tokens, size = key.shape[1:]
        if index not in self._layers:
            studies, width = self.positions.shape
            whole, none = (studies, heads, width, size), (studies * self.sequences, heads, 0, size)
            self._layers[index] = _Layer(
                key.new_zeros(whole),
                value.new_zeros(whole),
                key.new_empty(none),
                value.new_empty(none),
            )
        layer = self._layers[index]
        layer.shared_keys[rows, :, -tokens:] = key
        layer.shared_values[rows, :, -tokens:] = value

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
            positions = self.positions[rows, -tokens:]
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
        if layer.keys.shape[2] < self.own:
            more = key.new_empty(key.shape[0], key.shape[1], _GROWTH, key.shape[3])
            layer.keys = torch.cat([layer.keys, more], dim=2)
            layer.values = torch.cat([layer.values, more], dim=2)
        layer.keys[:, :, self.own - 1] = key[:, :, 0]
        layer.values[:, :, self.own - 1] = value[:, :, 0]
        return layer

    def _attend_step(
        self, layer: _Layer, query: Tensor, scaling: float, window: int | None
    ) -> Tensor:
        studies, width = self.positions.shape
        k, groups = self.sequences, layer.keys.shape[1]
        shared_keys = layer.shared_keys.flatten(0, 1)
        shared_values = layer.shared_values.flatten(0, 1)
        first = 0 if window is None else max(0, self.own - window)
        own_keys = layer.keys[:, :, first : self.own].flatten(0, 1)
        own_values = layer.values[:, :, first : self.own].flatten(0, 1)
        heads = query.shape[1] // groups

        def by_study(tensor: Tensor) -> Tensor:  # [B * K * Hkv, G, n] -> [B * Hkv, K * G, n]
            parts = tensor.reshape(studies, k, groups, heads, -1)
            return parts.transpose(1, 2).reshape(studies * groups, k * heads, -1)

        def by_sequence(tensor: Tensor) -> Tensor:
            parts = tensor.reshape(studies, groups, k, heads, -1)
            return parts.transpose(1, 2).reshape(studies * k * groups, heads, -1)

        query = query.reshape(studies * k * groups, heads, -1)
        scores = query.new_empty(studies * groups, k * heads, width + self.own - first)
        _scaled_products(by_study(query), shared_keys, scaling, scores[..., :width])
        own_scores = query.new_empty(len(query), heads, self.own - first)
        _scaled_products(query, own_keys, scaling, own_scores)
        scores[..., width:] = by_study(own_scores)
        hidden = self._hidden_columns(window)
        if hidden.shape[-1]:
            rows = scores.view(studies, -1, scores.shape[-1])[..., : hidden.shape[-1]]
            rows.masked_fill_(hidden.to(scores.device), -torch.inf)
        wide = torch.promote_types(query.dtype, torch.float32)
        weights = functional.softmax(scores, dim=-1, dtype=wide).to(query.dtype)
        attended = by_sequence(torch.bmm(weights[..., :width], shared_values))
        attended = attended + torch.bmm(by_sequence(weights[..., width:]), own_values)
        return attended.reshape(studies * k, 1, groups * heads, -1)

    def _hidden_columns(self, window: int | None) -> Tensor:
        """Shared columns that the newest token may not see, ``[B, 1, as many as there are]``.

        They are the first: padding, and what a window has left behind.
        """
        mask = self._masks.get(window)
        if mask is None:
            first = torch.zeros_like(self.shared)
            if window is not None:
                first = (self.shared + self.own - window).clamp(min=0)
            hidden = self.positions < first[:, None]
            mask = hidden[:, None, : int(hidden.sum(dim=1).max())]
            self._masks[window] = mask
        return mask


def _scaled_products(query: Tensor, keys: Tensor, scaling: float, out: Tensor) -> None:
    """Write the scores of queries ``[n, m, d]`` for keys ``[n, P, d]`` to ``out``."""
    out.baddbmm_(query, keys.transpose(1, 2), beta=0, alpha=scaling)
