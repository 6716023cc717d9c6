"""Errors of the reports room.

ReportsError
└── InputError     what is to be shown does not fit together (exit status 2)
"""

from __future__ import annotations


class ReportsError(Exception):
    """Base of what this room raises on purpose; ``exit_status`` is the command line's."""

    exit_status = 1


class InputError(ReportsError, ValueError):
    """Runs that cannot stand in one table, or data that cannot be shown."""

    exit_status = 2
