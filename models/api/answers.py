"""Read what an endpoint answered: text, reason, usage."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_REASONS = {
    None: "stop",
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
}
"""Finish reasons of OpenAI, and of servers that hand through those of other APIs."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.\[\]-]{1,80}")


class SampleError(Exception):
    """The endpoint has no answer to this one request, however often it is asked."""


@dataclass(frozen=True)
class Usage:
    """Tokens that were counted, and charged, for one answer; None where the endpoint is silent."""

    prompt: int | None = None
    completion: int | None = None

    @property
    def total(self) -> int:
        """Tokens in both directions."""
        return (self.prompt or 0) + (self.completion or 0)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            (self.prompt or 0) + (other.prompt or 0),
            (self.completion or 0) + (other.completion or 0),
        )


@dataclass(frozen=True)
class Answer:
    """One answer; ``problem`` says why there is no text to use."""

    text: str
    finish_reason: str
    usage: Usage
    problem: str | None = None


def read_answer(content: bytes) -> Answer:
    """Return the first choice of a chat completion.

    Raises
    ------
    SampleError
        If this is no chat completion.
    """
    try:
        body = json.loads(content)
        choice = body["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        text, refusal = message.get("content"), message.get("refusal")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise SampleError(
            "The endpoint's answer is no chat completion. Check that the endpoint is the base URL "
            "of an OpenAI-compatible API."
        ) from None
    usage = _usage(body.get("usage"))
    problem = _problem(text, reason, refusal)
    if problem is not None:
        return Answer("", "error", usage, problem)
    return Answer(text.strip(), _REASONS[reason], usage)


def _problem(text: Any, reason: Any, refusal: Any) -> str | None:
    if reason == "content_filter":
        return "The endpoint's content filter withheld the answer."
    if refusal:
        return "The model refused to answer."
    if not isinstance(reason, str | None) or reason not in _REASONS:
        return "The endpoint ended the answer for a reason that is unknown here."
    if not isinstance(text, str):
        return "The endpoint's answer has no text."
    return None


def error_code(content: bytes) -> str:
    """Return type, code and parameter of an error, as far as they are plain identifiers.

    The message is left out: servers quote the request there, and with it the patient's text.
    """
    try:
        error = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if isinstance(error, dict) and isinstance(error.get("error"), dict):
        error = error["error"]
    if not isinstance(error, dict):
        return ""
    found = [error.get(name) for name in ("type", "code", "param")]
    return ", ".join(one for one in found if isinstance(one, str) and _IDENTIFIER.fullmatch(one))


def _usage(given: Any) -> Usage:
    if not isinstance(given, dict):
        return Usage()
    return Usage(_count(given.get("prompt_tokens")), _count(given.get("completion_tokens")))


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
