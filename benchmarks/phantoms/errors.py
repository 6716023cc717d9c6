"""Errors of the phantom generator.

PhantomsError
└── InputError     what was asked for cannot be generated or written (exit status 2)
"""

from __future__ import annotations


class PhantomsError(Exception):
    """Base of what the generator raises on purpose; ``exit_status`` is the command line's."""

    exit_status = 1


class InputError(PhantomsError, ValueError):
    """Settings that no phantom can be made of, or a folder that is not ours to replace."""

    exit_status = 2
