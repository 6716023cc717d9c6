"""The options of the adapter for OpenAI-compatible endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from models.errors import InputError

_OURS = ("model", "messages", "stream", "n", "temperature", "top_p", "max_tokens", "seed", "stop")


@dataclass(frozen=True)
class ApiGeneration:
    """How the endpoint decodes; None leaves a setting to the endpoint."""

    temperature: float | None = 0.0
    """0 is greedy; above, texts are sampled."""
    top_p: float | None = None
    """Sample from the likeliest tokens that make up this share."""
    max_new_tokens: int = 1024
    """Most tokens of an answer."""
    seed: int | None = 0
    """Decides what is sampled, where the endpoint honours it."""
    stop: list[str] = field(default_factory=list)
    """Texts that end an answer."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Under which name max_new_tokens is sent: newer OpenAI models want the second."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Added to the request as it is: top_k or chat_template_kwargs for vLLM, reasoning_effort for
    OpenAI, …"""

    def body(self) -> dict[str, Any]:
        """Return the fields of a request's body."""
        sent = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        set_ones = {name: value for name, value in sent.items() if value is not None}
        stop = {"stop": self.stop} if self.stop else {}
        return {**set_ones, **stop, self.limit_field: self.max_new_tokens, **self.extra}


@dataclass(frozen=True)
class ApiImages:
    """How images are sent."""

    max_side: int = 1024
    """The longer side in pixels at most."""
    format: Literal["png", "jpeg"] = "png"
    """png loses nothing."""
    quality: int = 95
    """Of JPEG, 1 to 100."""
    detail: Literal["auto", "low", "high"] | None = None
    """OpenAI's setting of that name."""


@dataclass(frozen=True)
class ApiPrice:
    """Money for a million tokens."""

    input: float
    """Of the prompt."""
    output: float
    """Of the answer."""


@dataclass(frozen=True)
class OpenAICompatibleOptions:
    """What is asked of which endpoint, how fast, and at what price."""

    endpoint: str
    """The base URL."""
    model: str
    """The model's name there."""
    api_key_env: str | None = None
    """The environment variable that holds the key."""
    system: str | None = None
    """A system message."""
    prompt: str | None = None
    """Replaces the question about the section."""
    context: list[str] | None = None
    """Sections of the study's context after the question, in this order; None: all."""
    send_prior: bool = True
    """Whether the prior image is shown too."""
    images: ApiImages = ApiImages()
    """How images are sent."""
    generation: ApiGeneration = ApiGeneration()
    """How the endpoint decodes."""
    concurrency: int = 4
    """Requests at a time."""
    requests_per_minute: float | None = None
    """Most requests begun in a minute; None: no limit."""
    tokens_per_minute: float | None = None
    """Most tokens in a minute, prompts and answers together; None: no limit."""
    timeout_s: float = 300.0
    """How long an answer may take, in seconds."""
    max_retries: int = 5
    """How often a request that failed in passing is sent again."""
    price_per_million: ApiPrice | None = None
    """What tokens cost; with it the run's cost is recorded."""

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
