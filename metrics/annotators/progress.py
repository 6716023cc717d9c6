"""Whom to tell how far annotating is: a command that shows bars, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Advance = Callable[[int], object]
"""Called with the number of texts annotated since the last call."""
Watcher = Callable[[str, int], Advance]
"""Called with the annotator's name and how many texts it does not know yet."""


def _nobody(annotator: str, texts: int) -> Advance:
    return lambda texts: None


_WATCHER: ContextVar[Watcher] = ContextVar("watcher", default=_nobody)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell the watcher of every annotator that begins within."""
    before = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(before)


def begin(annotator: str, texts: int) -> Advance:
    """Say that an annotator begins with so many unknown texts, if there are any."""
    return _WATCHER.get()(annotator, texts) if texts else _nobody(annotator, texts)
