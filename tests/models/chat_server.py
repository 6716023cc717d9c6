"""A real HTTP server that speaks the chat-completions protocol, with a script of replies."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PIL import Image


@dataclass(frozen=True)
class Reply:
    """What the server answers: status, body, headers, and how long it thinks."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


def completion(
    text: str | None, reason: str | None = "stop", usage: tuple[int, int] | None = (100, 7)
) -> Reply:
    """Return a chat completion with the usage (prompt, completion)."""
    message = {"role": "assistant", "content": text}
    body: dict[str, Any] = {"choices": [{"message": message, "finish_reason": reason}]}
    if usage is not None:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return Reply(body=json.dumps(body).encode())


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts of the user's message."""
        content: list[dict[str, Any]] = self.body["messages"][-1]["content"]
        return content

    @property
    def text(self) -> str:
        """The text of the user's message."""
        return "".join(part["text"] for part in self.parts if part["type"] == "text")

    @property
    def uris(self) -> list[str]:
        """The addresses of the images, in order."""
        return [p["image_url"]["url"] for p in self.parts if p["type"] == "image_url"]

    @property
    def images(self) -> list[Image.Image]:
        """The images, decoded."""
        return [
            Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) for uri in self.uris
        ]


class ChatServer:
    """``reply`` maps a request and its number (from 0) to what is answered."""

    def __init__(self, reply: Callable[[Received, int], Reply]) -> None:
        self.received: list[Received] = []
        self.most_at_once = 0
        self._reply = reply
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/v1"

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server._answer(self, Received(self.path, headers, json.loads(content)))

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _answer(self, handler: BaseHTTPRequestHandler, request: Received) -> None:
        with self._lock:
            number = len(self.received)
            self.received.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        reply = self._reply(request, number)
        time.sleep(reply.delay_s)
        with self._lock:
            self._at_once -= 1
        try:
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(reply.body)))
            handler.end_headers()
            handler.wfile.write(reply.body)
        except OSError:
            handler.close_connection = True  # the client did not wait

    def stop_listening(self) -> None:
        """Take no connection any more; those that are open are answered."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def running(self) -> Iterator[ChatServer]:
        """Serve while the ``with`` statement lasts."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stop_listening()
            thread.join()


Serve = Callable[..., ChatServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a server; a plain reply is given to every request."""
    with ExitStack() as stack:

        def start(reply: Reply | Callable[[Received, int], Reply]) -> ChatServer:
            answer = reply if callable(reply) else lambda request, number: reply
            return stack.enter_context(ChatServer(answer).running())

        yield start
