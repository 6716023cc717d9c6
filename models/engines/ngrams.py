"""The ban of n-grams that a sequence, its prompt included, already holds."""

from __future__ import annotations

import torch
from torch import Tensor

PADDING = -(2**31)
"""Fills id sequences of unequal length on the left; equals no token, not even the image's -200."""


def ban_repeated_ngrams(scores: Tensor, ids: Tensor, size: int) -> Tensor:
    """Return ``scores`` with minus infinity where an id would repeat an n-gram.

    Equals transformers' ``NoRepeatNGramLogitsProcessor``, but for negative ids: they take part in
    n-grams and are never banned themselves (there -200 means the 200th id from the end).

    Parameters
    ----------
    scores
        ``[..., V]``.
    ids
        ``[..., L]``: the prompt's ids and the generated ones, left-padded with ``PADDING``.
    size
        n; from 1 on.
    """
    windows = ids.shape[-1] - size + 1
    if windows < 1:
        return scores
    repeated = torch.ones_like(ids[..., :windows], dtype=torch.bool)
    for offset in range(size - 1):
        last = ids[..., windows + offset, None]
        repeated &= ids[..., offset : offset + windows] == last
    following = ids[..., size - 1 :]
    # Ids without a score (an image's, padding) are not banned; one column more takes these writes.
    vocabulary = scores.shape[-1]
    repeated &= (following >= 0) & (following < vocabulary)
    banned = torch.zeros((*scores.shape[:-1], vocabulary + 1), dtype=torch.bool, device=ids.device)
    banned.scatter_(-1, torch.where(repeated, following, vocabulary), True)
    return scores.masked_fill(banned[..., :-1], -torch.inf)
