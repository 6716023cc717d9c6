"""How many threads torch computes with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SMALL = 20_000_000
"""Parameters of a model whose matrices are too small for a second thread to pay."""


@contextmanager
def threads_for(model: Any) -> Iterator[None]:
    """Let torch compute on one thread while this lasts, if a model on a CPU is small.

    On a busy machine two threads that wait for each other at every small matrix take several
    times as long as one.
    """
    import torch

    parameters = sum(parameter.numel() for parameter in model.parameters())
    if model.device.type != "cpu" or parameters > _SMALL:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
