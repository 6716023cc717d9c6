"""Errors and warnings of the metrics room.

MetricsError
├── InputError     what the caller gave is wrong (exit status 2)
└── MissingError   something needed is not installed or not there (exit status 3)

MetricsWarning     a score that needs a caveat
"""

from __future__ import annotations


class MetricsError(Exception):
    """Base of what this room raises on purpose; ``exit_status`` is the command line's."""

    exit_status = 1


class InputError(MetricsError, ValueError):
    """The caller's texts, names or settings cannot be scored."""

    exit_status = 2


class MissingError(MetricsError, RuntimeError):
    """A package, weight file or data file that the metric needs is not there."""

    exit_status = 3


class MetricsWarning(UserWarning):
    """A result that is right but needs a caveat, given once per cause."""
