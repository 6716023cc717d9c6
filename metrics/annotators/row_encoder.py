"""Rows of token ids through an encoder, as fast as it goes without moving a digit.

On a CPU several rows lie end to end in one pass: matrix products take all their tokens at once,
attention stays within each row, and nothing is padded. That is faster than one row at a time, by
half at BERT's size, because the weights are read once for many tokens. A row's vectors must not
depend on its neighbours, to the last digit; this holds where a matrix product gives a row the
same bytes whatever the number of rows, which is tried out before (`_steady`), in the encoder's own
precision. Where it does not hold, and for encoders that are not BERT, DistilBERT or RoBERTa, rows
go one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from metrics.annotators.encoders import length_batches, padded
from metrics.annotators.products import PRODUCTS
from metrics.errors import InputError

_PACKED = "cxr_harness_packed"
_PACKABLE = ("bert", "distilbert", "roberta")
_TOKENS = 1024
_STEP = 16
"""Tokens per pass are a multiple of this: fewer rows take another path in matrix products."""

A = TypeVar("A")
B = TypeVar("B")


class RowEncoder:
    """An encoder that maps rows of token ids to their last hidden states.

    Parameters
    ----------
    encoder
        A transformers encoder; it belongs to this object from now on.
    padding
        The id of the padding token.
    device
        Where the encoder runs.
    """

    def __init__(self, encoder: Any, padding: int, device: str) -> None:
        self._encoder = encoder.to(device)
        self._padding = padding
        self._device = device
        self._on_cpu = torch.device(device).type == "cpu"
        family = self._encoder.config.model_type
        self._bert = family == "bert"
        # RoBERTa counts positions from its padding token's id on
        self._first = self._encoder.config.pad_token_id + 1 if family == "roberta" else 0
        self._packs = self._on_cpu and family in _PACKABLE and _steady(encoder)
        if self._packs:
            _register()
            self._encoder.set_attn_implementation(_PACKED)

    def __call__(self, rows: Sequence[Sequence[int]]) -> list[Tensor]:
        """Return each row's vectors, shape (its length, size).

        Raises
        ------
        InputError
            If a row has more tokens than BERT has positions.
        """
        if self._bert and rows:
            _check_length(max(map(len, rows)), self._encoder.config.max_position_embeddings)
        if self._packs:
            target = min(_TOKENS, -(-sum(map(len, rows)) // torch.get_num_threads()))
            packs = _filled(list(map(len, rows)), target)
            done = parallel(lambda pack: self._packed([rows[i] for i in pack]), list(packs))
            return [vectors for pack in done for vectors in pack]
        return self._batched(rows)

    @torch.inference_mode()
    def _batched(self, rows: Sequence[Sequence[int]]) -> list[Tensor]:
        vectors: dict[int, Tensor] = {}
        for batch in length_batches(list(map(len, rows)), "cpu" if self._on_cpu else self._device):
            ids, mask = padded([rows[i] for i in batch], self._padding, self._device)
            states = self._encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            vectors.update((i, states[k, : len(rows[i])]) for k, i in enumerate(batch))
        return [vectors[i] for i in range(len(rows))]

    def _packed(self, rows: list[Sequence[int]]) -> list[Tensor]:
        lengths = [len(row) for row in rows]
        filling = -sum(lengths) % _STEP
        every = [*rows, [self._padding] * filling] if filling else rows
        ids = torch.tensor([[token for row in every for token in row]])
        states = self._encoder(
            input_ids=ids,
            position_ids=torch.tensor([[p for row in every for p in self._positions(row)]]),
            row_lengths=list(map(len, every)),
        ).last_hidden_state[0]
        return list(torch.split(states[: sum(lengths)], lengths))

    def _positions(self, row: Sequence[int]) -> Iterable[int]:
        if not self._first:
            return range(len(row))
        # a padding token within a row, where a text spells it, has no position of its own
        padding = self._first - 1
        places = accumulate(token != padding for token in row)
        return [padding + n * (t != padding) for t, n in zip(row, places, strict=True)]


@contextmanager
def one_thread() -> Iterator[int]:
    """Let torch use one thread per operation; yield how many it had."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def parallel(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """Return the function's result for each item, on as many threads as torch has.

    Each call runs in inference mode, and its operations on one thread, so that the number of
    threads does not move their results.
    """

    def call(item: A) -> B:
        with torch.inference_mode():
            return function(item)

    with one_thread() as threads:
        if threads == 1 or len(items) < 2:
            return list(map(call, items))
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(call, items))


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    row_lengths: list[int],
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Return attention within each row, as transformers' attention functions do.

    Query, key and value have the shape (1, heads, tokens, size), the result (1, tokens, heads,
    size).
    """
    parts = zip(*(torch.split(each, row_lengths, 2) for each in (query, key, value)), strict=True)
    done = [scaled_dot_product_attention(q, k, v, scale=scaling) for q, k, v in parts]
    return torch.cat(done, dim=2).transpose(1, 2), None


def _check_length(tokens: int, positions: int) -> None:
    if tokens > positions:
        raise InputError(
            f"A text has {tokens} word pieces, and the encoder takes {positions}. Shorten it; "
            "nothing is cut off silently."
        )


def _filled(lengths: Sequence[int], target: int) -> Iterator[list[int]]:
    """Yield runs of rows with at most ``target`` tokens, or one longer row."""
    pack: list[int] = []
    tokens = 0
    for index, length in enumerate(lengths):
        if pack and tokens + length > target:
            yield pack
            pack, tokens = [], 0
        pack.append(index)
        tokens += length
    if pack:
        yield pack


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(_PACKED, packed_attention)
    AttentionMaskInterface.register(_PACKED, lambda *args, **kwargs: None)


def _steady(encoder: nn.Module) -> bool:
    """Whether the encoder's linear layers give a row the same bytes among any others."""
    every: Any = [m for m in encoder.modules() if isinstance(m, PRODUCTS)]
    by_shape = {(m.in_features, m.out_features): m for m in every}
    with one_thread(), torch.inference_mode():
        for layer in by_shape.values():
            rows = torch.randn(
                _TOKENS, layer.in_features, generator=torch.Generator().manual_seed(0)
            )
            among_all = layer(rows)
            for count in (_STEP, 5 * _STEP, 20 * _STEP):
                part = slice(5, 5 + count)
                if not torch.equal(layer(rows[part]), among_all[part]):
                    return False
    return True
