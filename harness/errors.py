"""Errors of the harness room.

HarnessError
├── InputError     files, names or settings of the user are wrong (exit status 2)
└── MissingError   something needed is not installed or not there (exit status 3)

What the rooms below raise passes through as it is: their errors carry ``exit_status`` too.
"""

from __future__ import annotations


class HarnessError(Exception):
    """Base of what this room raises on purpose; ``exit_status`` is the command line's."""

    exit_status = 1


class InputError(HarnessError, ValueError):
    """The user's files or settings cannot be used, or the system refuses to read or write."""

    exit_status = 2


class MissingError(HarnessError, RuntimeError):
    """A package, data set or weight file that the task needs is not there."""

    exit_status = 3
