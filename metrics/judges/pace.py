"""How long to wait before a failed request is sent again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 60.0
LONGEST_REQUESTED_WAIT_S = 300.0
"""The longest time an endpoint is waited for because it says so."""
_RANDOM = SystemRandom()


def wait_before(attempt: int, headers: Mapping[str, str]) -> float:
    """Return the seconds to wait before attempt number ``attempt`` (1 is the first repetition).

    Half a second, doubled each time up to a minute, less up to half of it at random so that
    requests that failed together do not come back together; longer if ``Retry-After`` says so.
    """
    doubled = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (attempt - 1))
    return max(doubled * _RANDOM.uniform(0.5, 1.0), requested_wait(headers))


def requested_wait(headers: Mapping[str, str], now: datetime | None = None) -> float:
    """Return the seconds that ``Retry-After`` (a number or a date) asks for; 0 if nothing usable.

    >>> requested_wait({"retry-after": "2"})
    2.0
    """
    given = headers.get("retry-after", "")
    try:
        wait = float(given)
    except ValueError:
        try:
            until = parsedate_to_datetime(given)
        except ValueError:
            return 0.0
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        wait = (until - (now or datetime.now(UTC))).total_seconds()
    # NaN compares as false
    return wait if wait > 0 else 0.0
