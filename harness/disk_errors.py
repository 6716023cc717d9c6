"""Say what to do when the system refuses to write."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import InputError

_ADVICE = {
    errno.ENOSPC: "Free space on its disk",
    errno.EDQUOT: "Free space in your quota",
    errno.EFBIG: "Raise the limit on file sizes (`ulimit -f`)",
    errno.EACCES: "Allow writing there",
    errno.EPERM: "Allow writing there",
    errno.EROFS: "Make its disk writable",
}


@contextmanager
def explained(path: Path, *, resumes: bool = True) -> Iterator[None]:
    """Turn a refusal to write under ``path`` into an error that says how to go on.

    ``resumes`` says whether the same command goes on where it stopped.
    """
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "Mend this")
        where = " (it goes on where this one stopped)" if resumes else ""
        raise InputError(
            f"Cannot write {path}: {error.strerror or error}. {advice} and run the same command "
            f"again{where}, or choose another --output."
        ) from error
