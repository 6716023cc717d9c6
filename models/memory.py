"""Recognise that memory ran out, whatever ran out of it."""

from __future__ import annotations


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an exception of torch or Python says that memory ran out."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # the CPU's allocator has no exception of its own
    text = str(error)
    return "DefaultCPUAllocator" in text or "not enough memory" in text
