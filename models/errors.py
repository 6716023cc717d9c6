"""Errors of the models room.

ModelsError
├── InputError     what the caller gave is wrong (exit status 2)
└── MissingError   something needed is not installed or not there (exit status 3)
"""

from __future__ import annotations


class ModelsError(Exception):
    """Base of what this room raises on purpose; ``exit_status`` is the command line's."""

    exit_status = 1


class InputError(ModelsError, ValueError):
    """The caller's options, images or names cannot be used."""

    exit_status = 2


class MissingError(ModelsError, RuntimeError):
    """A package, plug-in or weight file that the model needs is not there."""

    exit_status = 3
