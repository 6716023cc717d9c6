"""One writer at a time in a run folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from harness.disk_errors import explained
from harness.errors import InputError

LOCK_NAME = ".lock"


class RunLock:
    """A lock on a folder that the system drops when its holder ends, however it ends.

    The lock is on an empty file that stays: were it removed, two writers could each lock one.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_NAME
        with explained(path):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise InputError(
                f"Another process is writing to {folder}. Wait until it is done, or choose "
                "another --output."
            ) from None
        except OSError as error:
            os.close(self._file)
            raise InputError(
                f"Cannot lock {path}: {error.strerror}. Choose an --output on a file system "
                "that has locks."
            ) from error

    def release(self) -> None:
        """Let others write."""
        os.close(self._file)
