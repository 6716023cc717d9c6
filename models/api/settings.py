"""The options of the adapter for OpenAI-compatible endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from models.errors import InputError

_OURS = ("model", "messages", "stream", "n", "temperature", "top_p", "max_tokens", "seed", "stop")


@dataclass(frozen=True)
class ApiGeneration:
    """How the endpoint decodes; None leaves a setting to the endpoint.

    ``limit_field`` is the name under which ``max_new_tokens`` is sent: newer OpenAI models want
    ``max_completion_tokens``. ``extra`` is added to the request as it is (``top_k`` or
    ``chat_template_kwargs`` for vLLM, ``reasoning_effort`` for OpenAI, ...).
    """

    temperature: float | None = 0.0
    top_p: float | None = None
    max_new_tokens: int = 1024
    seed: int | None = 0
    stop: list[str] = field(default_factory=list)
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    extra: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the fields of a request's body."""
        sent = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        set_ones = {name: value for name, value in sent.items() if value is not None}
        stop = {"stop": self.stop} if self.stop else {}
        return {**set_ones, **stop, self.limit_field: self.max_new_tokens, **self.extra}


@dataclass(frozen=True)
class ApiImages:
    """How images are sent: their longer side in pixels at most, the format, OpenAI's ``detail``."""

    max_side: int = 1024
    format: Literal["png", "jpeg"] = "png"
    quality: int = 95
    detail: Literal["auto", "low", "high"] | None = None


@dataclass(frozen=True)
class ApiPrice:
    """Money for a million tokens of the prompt (``input``) and of the answer (``output``)."""

    input: float
    output: float


@dataclass(frozen=True)
class OpenAICompatibleOptions:
    """What is asked of which endpoint, how fast, and at what price.

    ``endpoint`` is the base URL, ``model`` its name there, ``api_key_env`` the environment
    variable that holds the key. ``prompt`` replaces the question about the section; ``context``
    names the sections that follow it, None for all. ``send_prior`` shows the prior image too.
    """

    endpoint: str
    model: str
    api_key_env: str | None = None
    system: str | None = None
    prompt: str | None = None
    context: list[str] | None = None
    send_prior: bool = True
    images: ApiImages = ApiImages()
    generation: ApiGeneration = ApiGeneration()
    concurrency: int = 4
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout_s: float = 300.0
    max_retries: int = 5
    price_per_million: ApiPrice | None = None

    def __post_init__(self) -> None:
        least = {
            "concurrency": (self.concurrency, 1),
            "max_retries": (self.max_retries, 0),
            "images.max_side": (self.images.max_side, 16),
            "images.quality": (self.images.quality, 1),
            "generation.max_new_tokens": (self.generation.max_new_tokens, 1),
        }
        for name, (value, smallest) in least.items():
            if value < smallest:
                raise InputError(f"The option {name} must be at least {smallest}; it is {value}.")
        positive = {
            "timeout_s": self.timeout_s,
            "requests_per_minute": self.requests_per_minute,
            "tokens_per_minute": self.tokens_per_minute,
        }
        for name, rate in positive.items():
            if rate is not None and not rate > 0:
                raise InputError(f"The option {name} must be above 0; it is {rate}.")
        for name in _OURS:
            if name in self.generation.extra:
                raise InputError(
                    f"The option generation.extra holds {name!r}, which the adapter sets itself. "
                    "Use the option of that name."
                )
