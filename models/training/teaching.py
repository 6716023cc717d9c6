"""Which records of a training file would teach nothing, and why, before hours are spent on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from models.errors import InputError
from models.libra import prompts, templates
from models.libra.prompts import DEFAULT_TEMPLATE, IMAGE_TOKEN, IMAGE_TOKEN_INDEX
from models.training.conversations import trained_as
from models.training.masking import IGNORE_INDEX, encode_conversation

_BRACKETS = ("[INST]", "[/INST]")
_HEADERS = ("<|start_header_id|>", "<|end_header_id|>")
_QUESTION = {"from": "human", "value": "?"}


@dataclass(frozen=True)
class Remark:
    """A record by its id (or its place, from 1) and what is to be said of it."""

    record: str
    reason: str


@dataclass(frozen=True)
class TeachingSurvey:
    """What training would make of a file's records.

    ``refused`` do not suit the template, ``silent`` have no token to learn. ``marked`` teach, but
    hold a text that the template uses as a mark, which a model may take for one.
    """

    records: int
    refused: tuple[Remark, ...]
    silent: tuple[Remark, ...]
    marked: tuple[Remark, ...]

    @property
    def taught(self) -> int:
        """Records that teach something."""
        return self.records - len(self.refused) - len(self.silent)

    def summary(self) -> str:
        """Return the counts as one sentence."""
        return (
            f"{self.taught} of {self.records} records teach; {len(self.refused)} refused, "
            f"{len(self.silent)} without a token to learn; {len(self.marked)} with a mark of the "
            "template in their text."
        )


@dataclass(frozen=True)
class Lesson:
    """What one conversation comes to.

    ``tokens`` are its ids, an image one of them, and ``learnt`` its labels, both cut as the
    collator cuts. ``refused`` says why it does not suit the template, ``silent`` why nothing of it
    is learnt; both are empty where it teaches. ``marks`` are texts in it that the template uses,
    ``images`` the places of images.
    """

    tokens: int
    learnt: int
    refused: str = ""
    silent: str = ""
    marks: tuple[str, ...] = ()
    images: int = 0


def survey_records(
    records: Iterable[Mapping[str, Any]],
    tokenizer: Any,
    template: str = DEFAULT_TEMPLATE,
    model_max_length: int = 2048,
    *,
    start_and_end: bool = False,
) -> TeachingSurvey:
    """Return which records teach, tokenising each once.

    A record is ``{"id", "image", "conversations"}`` as in Libra's files; with ``image`` it is
    encoded as ``encode_conversation`` does and cut as the collator does.

    Raises
    ------
    InputError
        If the template is unknown or the tokenizer is none of the fast ones.
    """
    check_teaching(tokenizer, template)
    refused, silent, marked = [], [], []
    count = 0
    for count, record in enumerate(records, 1):
        name = str(record.get("id", count))
        found = examine(
            record.get("conversations", ()),
            tokenizer,
            template,
            "image" in record,
            model_max_length,
            start_and_end=start_and_end,
        )
        if found.refused:
            refused.append(Remark(name, found.refused))
        elif found.silent:
            silent.append(Remark(name, found.silent))
        elif found.marks:
            marked.append(Remark(name, f"holds {' and '.join(found.marks)}"))
    return TeachingSurvey(count, tuple(refused), tuple(silent), tuple(marked))


def check_teaching(tokenizer: Any, template: str) -> None:
    """Refuse a template that is unknown, and a tokenizer that is none of the fast ones."""
    templates.find(trained_as(template))
    encode_conversation([_QUESTION], tokenizer, "libra_v1", has_image=False)


def examine(
    conversation: Sequence[Mapping[str, Any]],
    tokenizer: Any,
    template: str,
    has_image: bool,
    model_max_length: int,
    *,
    start_and_end: bool = False,
) -> Lesson:
    """Return what a conversation comes to; the parameters are those of `encode_conversation`."""
    try:
        ids, labels = encode_conversation(
            conversation,
            tokenizer,
            template,
            has_image,
            model_max_length,
            start_and_end=start_and_end,
        )
    except InputError as error:
        return Lesson(0, 0, refused=str(error))
    tokens = min(len(ids), model_max_length)
    learnt = sum(label != IGNORE_INDEX for label in labels[:model_max_length])
    images = ids[:model_max_length].count(IMAGE_TOKEN_INDEX)
    if not learnt:
        return Lesson(tokens, 0, silent=_why_silent(conversation, model_max_length), images=images)
    return Lesson(tokens, learnt, "", "", _marks_within(conversation, _marks(template)), images)


def _why_silent(conversation: Iterable[Mapping[str, Any]], model_max_length: int) -> str:
    if any(turn["from"] == "gpt" and turn["value"] for turn in conversation):
        return f"its first answer begins beyond the {model_max_length} tokens that are kept"
    return "it has no answer"


@cache
def _marks(template: str) -> tuple[str, ...]:
    """Return the texts that end a turn or begin one under a template."""
    name = trained_as(template)
    found = templates.find(name)
    if found.style == "plain":
        return ()
    end = prompts.stop_string(name, published=False).strip()
    if found.style in ("llama_2", "mistral"):
        return (end, *_BRACKETS)
    if found.style == "llama_3":
        return (end, *_HEADERS)
    named = found.style in ("two", "single")
    return (end, *(f"{role}:" if named else role.strip() for role in found.roles))


def _marks_within(
    conversation: Iterable[Mapping[str, Any]], marks: tuple[str, ...]
) -> tuple[str, ...]:
    turns = list(conversation)
    answers = "\n".join(turn["value"] for turn in turns if turn["from"] == "gpt")
    everything = "\n".join(turn["value"] for turn in turns)
    found = [mark for mark in marks if mark in everything]
    return (*found, *((IMAGE_TOKEN,) if IMAGE_TOKEN in answers else ()))
