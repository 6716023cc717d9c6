"""Which judge is asked, and how."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

from metrics.errors import InputError, MissingError
from metrics.judges.address import check_endpoint

_VARIABLE = "CXR_HARNESS_JUDGE_"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SILENT = ("endpoint", "api_key_env", "concurrency", "timeout_s", "max_retries")
"""Settings that move no verdict."""


@dataclass(frozen=True)
class JudgeSettings:
    """A language model at an OpenAI-compatible endpoint, or in a folder.

    Raises
    ------
    InputError
        If a setting is out of its range.
    """

    model: str
    """Its name at the endpoint; without an endpoint, its folder in transformers' layout."""
    endpoint: str | None = None
    """The base URL, https://HOST/v1."""
    api_key_env: str | None = None
    """The environment variable that holds the endpoint's key."""
    prompt: str | None = None
    """The file with the judge's published prompt, or a folder with green.txt and crimson.txt."""
    context: tuple[str, ...] = ()
    """Sections of the study's context that the judge is shown, where its prompt has a place."""
    temperature: float | None = 0.0
    """0 is greedy; None leaves it to the endpoint."""
    seed: int | None = 42
    """Decides what is sampled, where the endpoint honours it."""
    max_new_tokens: int = 4096
    """Most tokens of an answer."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Under which name max_new_tokens is sent: newer OpenAI models want the second."""
    json_mode: bool = True
    """Whether judges that answer in JSON ask the endpoint for `response_format` json_object."""
    second_tries: int = 2
    """How often a pair is judged again whose answer is no verdict: other seed, temperature 0.7."""
    concurrency: int = 4
    """Requests at a time."""
    timeout_s: float = 300.0
    """How long an answer may take, in seconds."""
    max_retries: int = 5
    """How often a request that failed in passing is sent again."""
    batch_size: int = 1
    """Prompts that a local model reads at a time; above 1 answers may differ in the last digit."""
    dtype: str = "auto"
    """Number format of a local model: float32, bfloat16, float16, or auto: that of its files."""

    def __post_init__(self) -> None:
        if not self.model:
            raise InputError("The judge has no model. Name the model that is asked.")
        if self.endpoint is not None:
            check_endpoint(self.endpoint)
        if self.api_key_env is not None and not _NAME.fullmatch(self.api_key_env):
            raise InputError(
                "The judge's api_key_env is no name of an environment variable. Put the key into a "
                "variable, and its name here."
            )
        least = {
            "second_tries": (self.second_tries, 0),
            "max_retries": (self.max_retries, 0),
            "concurrency": (self.concurrency, 1),
            "batch_size": (self.batch_size, 1),
            "max_new_tokens": (self.max_new_tokens, 1),
            "temperature": (self.temperature or 0.0, 0),
        }
        for name, (value, smallest) in least.items():
            if value < smallest:
                raise InputError(f"The judge's {name} must be at least {smallest}; it is {value}.")
        if not self.timeout_s > 0:
            raise InputError(f"The judge's timeout_s must be above 0; it is {self.timeout_s}.")
        if self.limit_field not in ("max_tokens", "max_completion_tokens"):
            raise InputError(
                f"The judge's limit_field is {self.limit_field!r}. Write max_tokens or "
                "max_completion_tokens."
            )
        # a list, as benchmark files give it, could not be hashed
        object.__setattr__(self, "context", tuple(self.context))


def from_environment() -> JudgeSettings | None:
    """Return the judge that the environment variables describe; None without a model."""
    model, endpoint, api_key_env, prompt = (
        os.environ.get(_VARIABLE + name) or None
        for name in ("MODEL", "ENDPOINT", "API_KEY_ENV", "PROMPT")
    )
    return None if model is None else JudgeSettings(model, endpoint, api_key_env, prompt)


def required(settings: JudgeSettings | None, metric: str) -> JudgeSettings:
    """Return the settings, or those of the environment.

    Raises
    ------
    MissingError
        If there are none.
    """
    found = settings or from_environment()
    if found is None:
        raise MissingError(
            f"{metric} needs a judge, and none is configured. Set {_VARIABLE}MODEL to a folder "
            f"with a language model; or {_VARIABLE}ENDPOINT to the base URL of an "
            f"OpenAI-compatible API, {_VARIABLE}MODEL to the model's name there and, if it wants "
            f"a key, {_VARIABLE}API_KEY_ENV to the name of the variable that holds it."
        )
    return found
