"""Any OpenAI-compatible endpoint: a vLLM server, Ollama, or a hosted API.

The protocol is one POST, so the HTTP client that the model packages bring anyway (httpx2) is all
it needs: OpenAI's own client would also read addresses and headers from the environment, follow
redirects and tell the endpoint about this machine.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from models.adapter import FAILED, Adapter, Figures, Generation, Request
from models.api.answers import Answer, SampleError, Usage
from models.api.chat import ChatClient, UnreachableError
from models.api.endpoint import check_endpoint, headers
from models.api.image_parts import image_part
from models.api.settings import OpenAICompatibleOptions
from models.errors import InputError, MissingError
from models.study_prompt import StudyPrompt, study_prompt

if TYPE_CHECKING:
    from pathlib import Path

    from httpx2 import AsyncClient

T = TypeVar("T")

_REQUESTS_PER_SLOT = 4
_IMAGE_TOKENS = 1000
"""A first guess of what an image costs, until the endpoint reports usage."""


class OpenAICompatible(Adapter):
    """A vision-language model behind an OpenAI-compatible endpoint (vLLM, Ollama, hosted APIs).

    The current image goes first, the prior image second, then a sentence that says which is
    which (or that there is no prior) and the field's question with the study's context. ``dummy``
    sends the current image as the prior; ``none`` sends no prior. Images are encoded anew, so that
    no metadata leaves; everything goes to the endpoint named and nowhere else. Endpoints
    do not promise equal answers to equal requests, whatever the temperature and seed.
    """

    Options: ClassVar[type[OpenAICompatibleOptions]] = OpenAICompatibleOptions
    uses_images: ClassVar[bool] = True
    uses_prior: ClassVar[bool] = True
    silent_options: ClassVar[tuple[str, ...]] = (
        "api_key_env",
        "concurrency",
        "requests_per_minute",
        "tokens_per_minute",
        "timeout_s",
        "max_retries",
        "price_per_million",
    )
    options: OpenAICompatibleOptions

    def __init__(self, options: OpenAICompatibleOptions) -> None:
        super().__init__(options)
        check_endpoint(options.endpoint)
        self.batch_size = _REQUESTS_PER_SLOT * options.concurrency
        self._client = ChatClient(options)
        self._answered = 0
        self._images = 0
        self._usage = Usage(0, 0)
        self._seconds = 0.0

    def check(self) -> None:
        """Check that the key and the HTTP client are there; nothing is sent."""
        headers(self.options.api_key_env)
        if find_spec("httpx2") is None:
            raise MissingError(
                "The adapter openai_compatible needs the package httpx2. "
                'Install it with `pip install "cxr-harness[api]"`.'
            )

    def endpoint(self) -> str:
        """Return the base URL."""
        return self.options.endpoint

    def looks_at(self, request: Request) -> list[Path]:
        """Return the images that are sent."""
        options = self.options
        sent = study_prompt(request, options.prompt, options.context, options.send_prior)
        return [] if sent is None else list(sent.images)

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        """Ask for all requests, ``concurrency`` at a time.

        Raises
        ------
        InputError
            If the endpoint refuses the key, the model or the account, or redirects.
        MissingError
            If none of the requests reached the endpoint, or it asks for a wait of minutes.
        """
        self.check()
        begun = time.perf_counter()
        try:
            return _run(self._answer_all(requests))
        finally:
            self._seconds += time.perf_counter() - begun

    def figures(self) -> Figures:
        """Return images sent, tokens as the endpoint counted them, and what they cost."""
        prompt, completion = self._usage.prompt or 0, self._usage.completion or 0
        price = self.options.price_per_million
        cost = None
        if price is not None:
            cost = (prompt * price.input + completion * price.output) / 1e6
        return Figures(
            images=self._images,
            tokens=completion,
            token_s=self._seconds,
            prompt_tokens=prompt,
            cost=cost,
        )

    async def _answer_all(self, requests: Sequence[Request]) -> list[Generation]:
        slots = asyncio.Semaphore(self.options.concurrency)
        try:
            async with self._client.open() as http, asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._answer(http, slots, request)) for request in requests
                ]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        answers = [task.result() for task in tasks]
        lost = [problem for problem in answers if isinstance(problem, UnreachableError)]
        if lost and len(lost) == len(answers):
            raise MissingError(
                f"{lost[0]} Start the server or mend the address, and run the same command again."
            )
        return [_failed(str(a)) if isinstance(a, UnreachableError) else a for a in answers]

    async def _answer(
        self, http: AsyncClient, slots: asyncio.Semaphore, request: Request
    ) -> Generation | UnreachableError:
        options = self.options
        prompt = study_prompt(request, options.prompt, options.context, options.send_prior)
        if prompt is None:
            return _failed("The sample has no current image. Give it one, or leave it out.")
        async with slots:
            try:
                # in a thread: encoding takes long enough to hold up the answers that come in
                body = await asyncio.to_thread(self._body, prompt)
            except InputError as error:
                return _failed(str(error), prompt.text)
            try:
                answer = await self._client.ask(http, body, self._expected_tokens(prompt))
            except UnreachableError as error:
                return error
            except SampleError as error:
                return _failed(str(error), prompt.text)
        self._count(prompt, answer)
        return Generation(
            answer.text,
            answer.finish_reason,
            tokens=answer.usage.completion,
            prompt=prompt.text,
            error=answer.problem,
        )

    def _body(self, prompt: StudyPrompt) -> bytes:
        options = self.options
        parts = [image_part(path, options.images) for path in prompt.images]
        messages: list[dict[str, Any]] = []
        if options.system is not None:
            messages.append({"role": "system", "content": options.system})
        messages.append(
            {"role": "user", "content": [*parts, {"type": "text", "text": prompt.text}]}
        )
        body = {"model": options.model, "messages": messages, **options.generation.body()}
        return json.dumps(body).encode()

    def _expected_tokens(self, prompt: StudyPrompt) -> int:
        if self._answered and self._usage.total:
            return round(self._usage.total / self._answered)
        words = len(prompt.text) // 4
        return words + _IMAGE_TOKENS * len(prompt.images) + self.options.generation.max_new_tokens

    def _count(self, prompt: StudyPrompt, answer: Answer) -> None:
        self._answered += 1
        self._images += len(prompt.images)
        self._usage += answer.usage


def _failed(problem: str, prompt: str | None = None) -> Generation:
    return Generation("", FAILED, prompt=prompt, error=problem)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop is running already (notebooks)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
