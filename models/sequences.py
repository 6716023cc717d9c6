"""Several answers to one request, from the adapters that can be asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from models.adapter import Adapter, Generation


@dataclass(frozen=True)
class SeveralGenerations(Generation):
    """The first of several answers to a request, which is the one that counts, and the others."""

    others: tuple[Generation, ...] = ()


@runtime_checkable
class GivesSeveral(Protocol):
    """An adapter that may be asked for several answers to each request."""

    @property
    def n_sequences(self) -> int:
        """How many answers to each request were asked for."""


def n_sequences(adapter: Adapter) -> int:
    """Return how many answers an adapter gives to each request that does not fail."""
    return adapter.n_sequences if isinstance(adapter, GivesSeveral) else 1


def sequences_of(generation: Generation) -> list[Generation]:
    """Return all answers to a request, the first one first."""
    others = generation.others if isinstance(generation, SeveralGenerations) else ()
    return [generation, *others]
