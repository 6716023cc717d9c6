"""What a process says when another one of the same training has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import distributed

from models.errors import InputError, ModelsError

_MARKS = ("gloo", "NCCL")


@contextmanager
def explained_peers(index: int, count: int) -> Iterator[None]:
    """Turn the loss of another process into InputError, by whose message nobody is misled.

    Parameters
    ----------
    index, count
        Which process this is, and of how many.

    Raises
    ------
    InputError
        If the connection to another process broke: that one tells why.
    """
    try:
        yield
    except RuntimeError as error:
        is_lost = isinstance(error, distributed.DistError) or any(
            mark in str(error) for mark in _MARKS
        )
        if count == 1 or isinstance(error, ModelsError) or not is_lost:
            raise
        raise InputError(
            f"Process {index} of {count} ends because another one ended; what that one says is "
            "the cause. Mend it, and run the same command with --resume."
        ) from error
