"""The ban of repeated n-grams for one sequence at a time, kept up to date as it grows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor


class NgramBan:
    """Keeps one sequence from repeating an n-gram of its prompt or of its own.

    Bans what `ngrams.ban_repeated_ngrams` bans, without reading the whole sequence at each step.
    Negative ids (the image's) take part in n-grams and are never banned.
    """

    def __init__(self, size: int, prompt_ids: Sequence[int]) -> None:
        self._size = size
        self._ids = list(prompt_ids)
        self._prompt_length = len(self._ids)
        self._known = 0
        self._following: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)

    def __call__(self, output_ids: list[int], logits: Tensor) -> Tensor:
        """Return logits ``[V]`` with minus infinity where an id would repeat an n-gram."""
        self._ids += output_ids[len(self._ids) - self._prompt_length :]
        for begin in range(self._known, len(self._ids) - self._size + 1):
            *before, last = self._ids[begin : begin + self._size]
            if last >= 0:
                self._following[tuple(before)].add(last)
            self._known = begin + 1
        tail = tuple(self._ids[len(self._ids) - self._size + 1 :])
        banned = self._following.get(tail)
        if banned:
            places = torch.tensor(sorted(banned), device=logits.device)
            logits = logits.index_fill(0, places, -torch.inf)
        return logits
