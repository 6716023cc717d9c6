"""Worker processes that end with their parent, however it ends, and leave Ctrl-C to it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def map_in_processes(
    function: Callable[[A], B],
    items: Iterable[A],
    processes: int,
    initializer: Callable[..., None],
    *arguments: object,
) -> Iterator[B]:
    """Yield ``function`` of every item, in order, computed in several processes.

    Every process calls ``initializer`` with ``arguments`` first.
    """
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(
        processes,
        # forking a process that holds BLAS or progress threads can hang
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(initializer, arguments),
    ) as pool:
        with _interrupts_blocked():
            results = pool.map(function, items)
        yield from results


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that never see Ctrl-C, which reaches us after; Windows has no such mask."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(initializer: Callable[..., None], arguments: tuple[object, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    initializer(*arguments)


def _end_with_parent() -> None:
    # a parent that is killed tells nobody: its workers would wait for work for ever
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
