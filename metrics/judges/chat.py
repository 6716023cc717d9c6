"""Ask a judge at an OpenAI-compatible endpoint: several requests at a time, never redirected."""

from __future__ import annotations

import asyncio
import json as json_format
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from metrics.errors import InputError, MetricsError, MissingError
from metrics.judges.address import authorization, is_loopback, origin
from metrics.judges.asking import Decoding, StoppedError, Unanswered
from metrics.judges.pace import LONGEST_REQUESTED_WAIT_S, requested_wait, wait_before
from metrics.judges.prompts import Message
from metrics.judges.settings import JudgeSettings

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

T = TypeVar("T")
_SPENT = b"insufficient_quota"
"""OpenAI's code for an account without money, sent with the status of a rate limit."""


class _Unreachable(Unanswered):
    """There was no connection to the endpoint."""


class _FailedAttempt(Exception):
    """An attempt that failed in a way that may pass."""

    def __init__(self, problem: Unanswered, headers: Mapping[str, str] | None = None) -> None:
        self.problem = problem
        self.headers = {} if headers is None else headers


class _Refused(Exception):
    """The request is refused, and would be again."""


class ChatEndpoint:
    """The chat completions of one endpoint.

    Raises
    ------
    MissingError
        If the HTTP client is not installed.
    """

    def __init__(self, settings: JudgeSettings, endpoint: str) -> None:
        if find_spec("httpx2") is None:
            raise MissingError(
                "A judge at an endpoint needs the package httpx2. Install it with `pip install "
                '"cxr-harness[api]"`.'
            )
        self._settings = settings
        self._url = endpoint.rstrip("/") + "/chat/completions"
        self._origin = origin(endpoint)

    def ask(
        self, chats: Sequence[Sequence[Message]], attempt: int, json: bool
    ) -> list[str | Unanswered]:
        """Return an answer per chat.

        Raises
        ------
        InputError, MissingError
            If no request can succeed.
        StoppedError
            If none can succeed any more.
        """
        answers = _run(self._ask_all([self._body(chat, attempt, json) for chat in chats]))
        lost = [answer for answer in answers if isinstance(answer, _Unreachable)]
        if lost and len(lost) == len(answers):
            raise MissingError(
                f"{lost[0].problem} Start the server or mend the address, and run the same command "
                "again; it goes on where it stopped."
            )
        return answers

    def _body(self, chat: Sequence[Message], attempt: int, json: bool) -> bytes:
        settings = self._settings
        decoding = Decoding.of(settings, attempt)
        sent: dict[str, Any] = {
            "model": settings.model,
            "messages": list(chat),
            settings.limit_field: settings.max_new_tokens,
        }
        if decoding.temperature is not None:
            sent["temperature"] = decoding.temperature
        if decoding.seed is not None:
            sent["seed"] = decoding.seed
        if json and settings.json_mode:
            sent["response_format"] = {"type": "json_object"}
        return json_format.dumps(sent).encode()

    async def _ask_all(self, bodies: Sequence[bytes]) -> list[str | Unanswered]:
        slots = asyncio.Semaphore(self._settings.concurrency)
        try:
            async with self._open() as http, asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._ask(http, slots, body)) for body in bodies]
        except ExceptionGroup as failed:
            error = failed.exceptions[0]
            answers = [_result_of(task) for task in tasks]
            if isinstance(error, MetricsError) and any(a is not None for a in answers):
                raise StoppedError(answers, error) from error
            raise error from None
        return [task.result() for task in tasks]

    def _open(self) -> AsyncClient:
        from httpx2 import AsyncClient, Limits

        settings = self._settings
        return AsyncClient(
            headers={
                "Content-Type": "application/json",
                **authorization(settings.api_key_env),
            },
            follow_redirects=False,
            # a proxy that the environment names, but not on the way to this machine itself
            trust_env=not is_loopback(self._url),
            timeout=None,  # _post sets one over the whole exchange
            limits=Limits(max_connections=settings.concurrency),
        )

    async def _ask(
        self, http: AsyncClient, slots: asyncio.Semaphore, body: bytes
    ) -> str | Unanswered:
        attempt = 0
        async with slots:
            while True:
                attempt += 1
                try:
                    return self._read(await self._post(http, body))
                except _Refused as refused:
                    return Unanswered(str(refused))
                except _FailedAttempt as failed:
                    if attempt > self._settings.max_retries:
                        return failed.problem
                    await asyncio.sleep(wait_before(attempt, failed.headers))

    async def _post(self, http: AsyncClient, body: bytes) -> Response:
        from httpx2 import ConnectError, DecodingError, TransportError

        limit = self._settings.timeout_s
        try:
            async with asyncio.timeout(limit):
                return await http.post(self._url, content=body)
        except TimeoutError:
            problem = Unanswered(f"{self._origin} did not answer within {limit:g} s (timeout_s).")
        except ConnectError:
            problem = _Unreachable(f"{self._origin} cannot be reached.")
        except TransportError as error:
            problem = Unanswered(
                f"The connection to {self._origin} broke ({type(error).__name__})."
            )
        except DecodingError:
            raise _Refused(f"{self._origin}'s answer is not compressed as it says.") from None
        raise _FailedAttempt(problem)

    def _read(self, response: Response) -> str:
        status = response.status_code
        said = f"HTTP {status}"
        if status == HTTPStatus.OK:
            return _text_of(response.content)
        self._end_if_hopeless(response, said)
        if status in (408, 429) or status >= 500:
            wait = requested_wait(response.headers)
            if wait > LONGEST_REQUESTED_WAIT_S:
                raise MissingError(
                    f"{self._origin} asks to wait {wait:,.0f} s ({said}). Run the same command "
                    "again after that; it goes on where it stopped."
                )
            problem = Unanswered(f"{self._origin} answers {said}.")
            raise _FailedAttempt(problem, response.headers)
        raise _Refused(
            f"{self._origin} refuses the request: {said}. Frequent causes: a setting that the "
            "model does not take (temperature, seed, json_mode, limit_field) or a prompt beyond "
            "its context length; the endpoint's own log says more."
        )

    def _end_if_hopeless(self, response: Response, said: str) -> None:
        """Raise what ends the run if no other request can fare better."""
        status, variable = response.status_code, self._settings.api_key_env
        if status in range(300, 400):
            raise InputError(
                f"{self._origin} sends requests on to another address, and nothing is sent to one "
                "that you did not name. If you trust it, make it the judge's endpoint."
            )
        if status in (401, 403):
            mend = (
                "Name the environment variable that holds the key in the judge's api_key_env."
                if variable is None
                else f"Check the key in the environment variable {variable}."
            )
            raise InputError(f"{self._origin} does not let us in: {said}. {mend}")
        if status == 402 or _SPENT in response.content:
            raise InputError(f"{self._origin} wants payment: {said}. Look into the account there.")
        if status in (404, 405):
            raise InputError(
                f"{self._url} answers {said}: it has no model {self._settings.model!r}, or chat "
                "completions are elsewhere. Its /models lists what it has."
            )


def _result_of(task: asyncio.Task[T]) -> T | None:
    return None if task.cancelled() or task.exception() else task.result()


def _text_of(content: bytes) -> str:
    """Return the text of the first choice; messages never quote what the endpoint said."""
    try:
        choice = json_format.loads(content)["choices"][0]
        message = choice["message"]
        text, refusal = message.get("content"), message.get("refusal")
        reason = choice.get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise _Refused(
            "The endpoint's answer is no chat completion. Check that the endpoint is the base URL "
            "of an OpenAI-compatible API."
        ) from None
    if reason == "content_filter":
        raise _Refused("The endpoint's content filter withheld the answer.")
    if refusal:
        raise _Refused("The judge refused to answer.")
    if not isinstance(text, str):
        raise _Refused("The endpoint's answer has no text.")
    return text


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop is running already (notebooks)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
