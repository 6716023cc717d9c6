"""A judge as an annotator: pairs of reports in, answers out, asked again where they are none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from metrics.annotators.annotator import Annotator, UnfinishedError
from metrics.annotators.remembered import RememberedAnnotator
from metrics.cache import AnnotationCache
from metrics.errors import InputError, MetricsError, MissingError
from metrics.judges.asking import Asker, StoppedError, Unanswered
from metrics.judges.kinds import Kind
from metrics.judges.prompts import Prompt
from metrics.judges.settings import JudgeSettings

_ROUNDS_PER_WRITE = 8
"""Rounds of requests between two writes to the cache: what a kill loses at most."""


@dataclass(frozen=True)
class Answer:
    """What the judge wrote about a pair; ``problem`` says why it is no verdict."""

    text: str
    problem: str | None = None


def pair_key(reference: str, candidate: str, context: Mapping[str, str]) -> str:
    """Return a pair of reports, and what the judge is told of the patient, as one text."""
    return json.dumps([reference, candidate, dict(context)])


class Judge(Annotator[Answer]):
    """Asks about pairs; an answer that is no verdict is asked for again, then returned as such."""

    version: ClassVar[int] = 1

    def __init__(self, kind: Kind, prompt: Prompt, asker: Asker, second_tries: int) -> None:
        self._kind = kind
        self._prompt = prompt
        self._asker = asker
        self._second_tries = second_tries

    def annotate_distinct(self, texts: Sequence[str]) -> list[Answer]:
        """Return the judge's answer about each pair (`pair_key`)."""
        answers: dict[str, Answer] = {}
        pending = list(texts)
        for attempt in range(1 + self._second_tries):
            try:
                self._ask(pending, attempt, answers)
            except MetricsError as error:
                raise UnfinishedError(answers, error) from error
            # an unanswered question was repeated by the asker; an empty text marks it
            pending = [p for p in pending if answers[p].problem and answers[p].text]
        return [answers[pair] for pair in texts]

    def _ask(self, pairs: Sequence[str], attempt: int, answers: dict[str, Answer]) -> None:
        """Put the answers about the pairs in, also those before an error."""
        error: MetricsError | None = None
        replies: Sequence[str | Unanswered | None] = []
        try:
            if pairs:
                replies = self._asker.ask([self._chat(p) for p in pairs], attempt, self._kind.json)
        except StoppedError as stopped:
            replies, error = stopped.answers, stopped.error
        for pair, reply in zip(pairs, replies, strict=True):
            if reply is not None:
                answers[pair] = self._judged(reply)
        if error is not None:
            raise error

    def _judged(self, reply: str | Unanswered) -> Answer:
        if isinstance(reply, Unanswered):
            return Answer("", reply.problem)
        # a blank answer is one: it is asked for again
        return Answer(reply or " ", self._kind.problem(reply))

    def _chat(self, pair: str) -> list[dict[str, str]]:
        reference, candidate, context = json.loads(pair)
        prepare = self._kind.prepare
        question = self._prompt.render(prepare(reference), prepare(candidate), context)
        return self._prompt.messages(question)

    @staticmethod
    def encode(annotation: Answer) -> bytes:
        """Return the answer as JSON."""
        return json.dumps([annotation.text, annotation.problem]).encode()

    @staticmethod
    def decode(data: bytes) -> Answer:
        """Return the answer of which `encode` made these bytes."""
        return Answer(*json.loads(data))

    @staticmethod
    def keep(annotation: Answer) -> bool:
        """Whether the answer is a verdict; what is none is asked for again in the next run."""
        return annotation.problem is None


def sign_judge(kind: Kind, settings: JudgeSettings) -> str:
    """Return what moves a verdict; ``judge:absent`` if prompt or model are not there or wrong.

    Model, prompt and decoding move it; the endpoint's address does not.
    """
    try:
        return _sign(kind, settings, kind.prompt(settings.prompt))
    except (InputError, MissingError):
        return "judge:absent"


def _sign(kind: Kind, settings: JudgeSettings, prompt: Prompt) -> str:
    parts = {
        "prompt": prompt.sha256,
        "temperature": settings.temperature,
        "seed": settings.seed,
        "max_new_tokens": settings.max_new_tokens,
        "second_tries": settings.second_tries,
    }
    if settings.endpoint is None:
        parts["dtype"] = settings.dtype
    elif kind.json:
        parts["json_mode"] = "yes" if settings.json_mode else "no"
    if settings.context:
        parts["context"] = "+".join(settings.context)
    # one field, so that a signature can be compared without it
    model = _model(settings).replace("|", "/")
    return "+".join([f"judge:{model}", *(f"{name}@{value}" for name, value in parts.items())])


def ask_judge(kind: Kind, settings: JudgeSettings, pairs: Sequence[str]) -> dict[str, Answer]:
    """Return the judge's answer about each distinct pair, through the annotation cache.

    Raises
    ------
    InputError, MissingError
        If no answer can be had: no prompt, no model, no key, no server.
    """
    prompt = kind.prompt(settings.prompt)

    def load() -> Annotator[Answer]:
        return Judge(kind, prompt, _asker(kind, settings), settings.second_tries)

    signature = f"{kind.name}|{_sign(kind, settings, prompt)}"
    slots = settings.batch_size if settings.endpoint is None else settings.concurrency
    chunk = slots * _ROUNDS_PER_WRITE
    remembered = RememberedAnnotator(Judge, signature, load, AnnotationCache(), chunk)
    return dict(zip(pairs, remembered.annotate(pairs), strict=True))


def _asker(kind: Kind, settings: JudgeSettings) -> Asker:
    if settings.endpoint is not None:
        from metrics.judges.chat import ChatEndpoint

        return ChatEndpoint(settings, settings.endpoint)
    return _local(settings, kind.green_chat)


@lru_cache(maxsize=1)
def _local(settings: JudgeSettings, green_chat: bool) -> Asker:
    """Load a local model, and keep it for the next questions."""
    from metrics.judges.local import LocalModel

    return LocalModel(model_folder(settings), settings, green_chat)


def _model(settings: JudgeSettings) -> str:
    if settings.endpoint is not None:
        return settings.model
    from metrics.weights import hash_path

    return f"sha256-{hash_path(model_folder(settings))}"


def model_folder(settings: JudgeSettings) -> Path:
    """Return the folder of a local model.

    Raises
    ------
    MissingError
        If there is none.
    """
    folder = Path(settings.model).expanduser()
    if not (folder / "config.json").is_file():
        raise MissingError(
            f"The judge's model {settings.model!r} is no folder with a config.json. Name the "
            "folder of a causal language model in transformers' layout, or the endpoint that "
            "serves it."
        )
    return folder
