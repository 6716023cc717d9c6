from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.models.chat_server import ChatServer, Received, Reply

Serve = Callable[..., ChatServer]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep verdicts in a folder of the test, and configure no judge."""
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "cache"))
    for name in ("MODEL", "ENDPOINT", "API_KEY_ENV", "PROMPT"):
        monkeypatch.delenv(f"CXR_HARNESS_JUDGE_{name}", raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a server; a plain reply is given to every request."""
    with ExitStack() as stack:

        def start(reply: Reply | Callable[[Received, int], Reply]) -> ChatServer:
            answer = reply if callable(reply) else lambda request, number: reply
            return stack.enter_context(ChatServer(answer).running())

        yield start
