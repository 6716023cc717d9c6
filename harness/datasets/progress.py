"""How long readings say how far they are, without knowing who shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Given what is done and the number of steps; gives a function to call with the steps done."""


@contextmanager
def silent(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show no progress."""
    yield lambda steps: None
