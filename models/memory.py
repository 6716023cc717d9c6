"""How much memory was held, and whether it ran out."""

from __future__ import annotations

import resource
import sys


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an exception of torch or Python says that memory ran out."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # the CPU's allocator has no exception of its own
    text = str(error)
    return "DefaultCPUAllocator" in text or "not enough memory" in text


def peak_memory_bytes() -> int:
    """Return the most memory that was held so far: the GPU's if one is used, else the process's."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
