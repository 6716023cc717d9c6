"""When requests go out: rates, and waits between attempts."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.pace import Pace, requested_wait, wait_before
from tests.models.chat_server import Received, Reply, Serve, completion, serve
from tests.models.openai_requests import ask, folder, model_at

__all__ = ["folder", "serve"]


def test_requests_per_minute_spread_the_requests(serve: Serve, folder: Path) -> None:
    times: list[float] = []

    def reply(request: Received, number: int) -> Reply:
        times.append(time.monotonic())
        return completion("a")

    model_at(serve(reply), requests_per_minute=600).generate([ask(folder)] * 5)
    gaps = np.diff(times)
    assert gaps.min() > 0.05
    assert sum(gaps) >= 0.35


def test_tokens_per_minute_hold_back_what_would_exceed_them(serve: Serve, folder: Path) -> None:
    server = serve(completion("a", usage=(90, 10)))
    adapter = model_at(
        server, concurrency=1, tokens_per_minute=60_000, generation={"max_new_tokens": 1}
    )
    adapter.generate([ask(folder)])
    begun = time.monotonic()
    adapter.generate([ask(folder)] * 5)
    # 100 tokens at 1,000 a second are 0.1 s each, and the last one's time is not waited for
    assert 0.35 <= time.monotonic() - begun < 2.0


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=20), st.floats(1, 1000))
def test_a_pace_never_exceeds_its_rate(amounts: list[float], per_minute: float) -> None:
    pace = Pace(per_minute)
    waits = [pace.reserve(amount, now=0.0) for amount in amounts]
    for i, wait in enumerate(waits):
        assert sum(amounts[:i]) * 60 / per_minute == pytest.approx(wait)
    assert 0.0 == Pace(None).reserve(1e9)


@given(st.integers(1, 30), st.floats(0, 200))
def test_waits_grow_and_heed_the_endpoint(attempt: int, asked: float) -> None:
    doubled = min(60.0, 0.5 * 2 ** (attempt - 1))
    assert doubled / 2 <= wait_before(attempt, {}) <= doubled
    assert asked <= wait_before(attempt, {"retry-after": str(asked)}) <= max(asked, doubled)


@pytest.mark.parametrize("given_", ["", "soon", "nan", "-3", "2020-13-45"])
def test_a_retry_after_that_says_nothing_asks_for_no_wait(given_: str) -> None:
    assert 0.0 == requested_wait({"retry-after": given_})


def test_a_retry_after_may_be_a_date() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    until = format_datetime(datetime(2030, 1, 1, 0, 0, 30, tzinfo=UTC), usegmt=True)
    assert 30.0 == requested_wait({"retry-after": until}, now)
