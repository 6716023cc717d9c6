"""What both ways of asking a judge share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from metrics.errors import MetricsError
from metrics.judges.prompts import Message
from metrics.judges.settings import JudgeSettings

_RETRY_TEMPERATURE = 0.7


@dataclass(frozen=True)
class Unanswered:
    """Why one question has no answer, however often it is asked."""

    problem: str


class StoppedError(Exception):
    """Asking ended in ``error`` after some answers; None in ``answers`` is where there is none."""

    def __init__(self, answers: Sequence[str | Unanswered | None], error: MetricsError) -> None:
        self.answers = answers
        self.error = error


class Asker(Protocol):
    """Something that answers chats: an endpoint, or a local model."""

    def ask(
        self, chats: Sequence[Sequence[Message]], attempt: int, json: bool
    ) -> list[str | Unanswered]:
        """Return an answer per chat; ``attempt`` counts from 0, ``json`` asks for JSON.

        Raises
        ------
        StoppedError
            If it ends in an error after some answers.
        """


@dataclass(frozen=True)
class Decoding:
    """Temperature and seed of one attempt."""

    temperature: float | None
    seed: int | None

    @classmethod
    def of(cls, settings: JudgeSettings, attempt: int) -> Decoding:
        """Return how an attempt decodes: a second one samples, for greedy answers repeat."""
        if attempt == 0:
            return cls(settings.temperature, settings.seed)
        temperature = settings.temperature
        if temperature is not None:
            temperature = max(temperature, _RETRY_TEMPERATURE)
        return cls(temperature, None if settings.seed is None else settings.seed + attempt)
