"""Ask an endpoint for chat completions: paced, repeated where that may help, never redirected."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from models.api.answers import Answer, SampleError, error_code, read_answer
from models.api.endpoint import chat_url, headers, is_loopback, origin
from models.api.pace import LONGEST_REQUESTED_WAIT_S, Pace, requested_wait, wait_before
from models.errors import InputError, MissingError

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

    from models.api.settings import OpenAICompatibleOptions

_SPENT = "insufficient_quota"
"""OpenAI's code for an account without money, sent with the status of a rate limit."""


class UnreachableError(SampleError):
    """There was no connection to the endpoint."""


class _FailedAttempt(Exception):
    """An attempt that failed in a way that may pass."""

    def __init__(self, problem: SampleError, headers: Mapping[str, str] | None = None) -> None:
        self.problem = problem
        self.headers = {} if headers is None else headers


class ChatClient:
    """The chat completions of one endpoint; keeps its rates over all that it is asked."""

    def __init__(self, options: OpenAICompatibleOptions) -> None:
        self._options = options
        self._requests = Pace(options.requests_per_minute)
        self._tokens = Pace(options.tokens_per_minute)

    def open(self) -> AsyncClient:
        """Return the connections for one batch, to be used in an ``async with`` statement.

        A proxy that the environment names is used as by other programs, but not on the way to
        this machine itself.
        """
        from httpx2 import AsyncClient, Limits

        options = self._options
        return AsyncClient(
            headers=headers(options.api_key_env),
            follow_redirects=False,
            trust_env=not is_loopback(options.endpoint),
            timeout=None,  # _post sets one over the whole exchange
            limits=Limits(max_connections=options.concurrency),
        )

    async def ask(self, http: AsyncClient, body: bytes, expected_tokens: int) -> Answer:
        """Return the answer to one request.

        Parameters
        ----------
        http
            The open connections.
        body
            The request as JSON.
        expected_tokens
            What the request may use, reserved until its usage is known.

        Raises
        ------
        SampleError
            If this request is refused, or fails as often as it may be tried.
        InputError, MissingError
            If no request can succeed.
        """
        attempt = 0
        while True:
            attempt += 1
            await asyncio.sleep(
                max(self._requests.reserve(1), self._tokens.reserve(expected_tokens))
            )
            try:
                response = await self._post(http, body)
                self._check_status(response)
            except _FailedAttempt as failed:
                self._tokens.correct(-expected_tokens)
                if attempt > self._options.max_retries:
                    raise failed.problem from None
                await asyncio.sleep(wait_before(attempt, failed.headers))
            else:
                answer = read_answer(response.content)
                self._tokens.correct((answer.usage.total or expected_tokens) - expected_tokens)
                return answer

    async def _post(self, http: AsyncClient, body: bytes) -> Response:
        from httpx2 import ConnectError, DecodingError, TransportError

        url, limit = self._options.endpoint, self._options.timeout_s
        try:
            async with asyncio.timeout(limit):
                return await http.post(
                    chat_url(url), content=body, headers={"Content-Type": "application/json"}
                )
        except TimeoutError:
            raise _FailedAttempt(
                SampleError(f"{origin(url)} did not answer within {limit:g} s (timeout_s).")
            ) from None
        except ConnectError as error:
            raise _FailedAttempt(
                UnreachableError(f"{origin(url)} cannot be reached: {error}.")
            ) from None
        except TransportError as error:
            raise _FailedAttempt(
                SampleError(f"The connection to {origin(url)} broke ({type(error).__name__}).")
            ) from None
        except DecodingError:
            raise SampleError(
                f"The answer of {origin(url)} is not compressed as it says."
            ) from None

    def _check_status(self, response: Response) -> None:
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        self._refuse_redirect(response)
        code = error_code(response.content)
        said = f"HTTP {status} ({code})" if code else f"HTTP {status}"
        self._end_if_hopeless(status, said)
        if status in (408, 429) or status >= 500:
            wait = requested_wait(response.headers)
            if wait > LONGEST_REQUESTED_WAIT_S:
                raise MissingError(
                    f"{self._origin} asks to wait {wait:,.0f} s ({said}). Run the same command "
                    "again after that; it goes on where it stopped."
                )
            raise _FailedAttempt(SampleError(f"{self._origin} answers {said}."), response.headers)
        raise SampleError(
            f"{self._origin} refuses the request: {said}. Frequent causes: a setting that the "
            "model does not take, a prompt beyond its context length, or images that it cannot "
            "read; the endpoint's own log says more."
        )

    def _refuse_redirect(self, response: Response) -> None:
        if response.status_code in range(300, 400):
            location = str(response.headers.get("location", ""))
            target = origin(location) if "://" in location else "another path"
            raise InputError(
                f"{self._origin} sends requests on to {target}, and nothing is sent to an address "
                "that you did not name. If you trust it, make it the endpoint."
            )

    def _end_if_hopeless(self, status: int, said: str) -> None:
        """Raise what ends the run if no other request can fare better."""
        options = self._options
        if status in (401, 403):
            mend = (
                "Name the environment variable that holds the key in api_key_env."
                if options.api_key_env is None
                else f"Check the key in the environment variable {options.api_key_env}."
            )
            raise InputError(f"{self._origin} does not let us in: {said}. {mend}")
        if status == 402 or _SPENT in said:
            raise InputError(f"{self._origin} wants payment: {said}. Look into the account there.")
        if status in (404, 405):
            raise InputError(
                f"{chat_url(options.endpoint)} answers {said}: it has no model {options.model!r}, "
                "or chat completions are elsewhere. Its /models lists what it has."
            )

    @property
    def _origin(self) -> str:
        return origin(self._options.endpoint)
