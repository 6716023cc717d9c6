"""The text that a training conversation becomes, and where its answers stand in it.

The texts are the original's (X-iZhang/Libra @0d6c56a, ``train/train.py``), the answers' places are
ours: the original counts tokens of separately tokenised pieces, which fails for whole families.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import InputError
from models.libra import prompts, templates
from models.libra.prompts import IMAGE_TOKEN
from models.libra.templates import Template

_ROLES = {"human": "user", "gpt": "assistant"}

_TRAINED_AS = {"v0": "vicuna_v1"}
"""The original trains every template that it has no masking for under this one."""

_SPACED = ("two", "llama_2", "mistral")
"""Styles with a space between the header and the answer, which belongs to the answer's tokens."""

_OLD_VERSION = "v0_mmtag"


@dataclass(frozen=True)
class TrainingText:
    """A conversation as one text; ``answers`` are half-open spans of characters in it.

    A span holds an answer and the marker that ends it. ``has_image`` tells whether ``<image>`` in
    the text is the image's place or a word.
    """

    text: str
    answers: tuple[tuple[int, int], ...]
    has_image: bool


def training_text(
    conversation: Sequence[Mapping[str, Any]],
    template: str,
    *,
    has_image: bool = True,
    start_and_end: bool = False,
) -> TrainingText:
    """Return the text that a model is trained on for a conversation.

    Parameters
    ----------
    conversation
        Turns ``{"from": "human" | "gpt", "value": text}``.
    template
        A name of ``prompts.templates()``.
    has_image
        Whether the record has images. ``<image>`` then moves to the front of its turn.
    start_and_end
        The checkpoint's ``mm_use_im_start_end``.

    Raises
    ------
    InputError
        If turns are no turns, do not alternate, or do not suit the template.
    """
    name = trained_as(template)
    found = templates.find(name)
    turns = [_turn(turn, number) for number, turn in enumerate(conversation, 1)]
    if has_image:
        shown = _image_mark(found, start_and_end)
        turns = [(role, _image_in_front(text, shown)) for role, text in turns]
    if found.style == "plain":
        return _caption(turns, found)
    if found.version == _OLD_VERSION:
        return _signalled(turns, found, has_image)
    turns = turns[1:] if turns and turns[0][0] == "assistant" else turns
    _check_order(turns)
    text = prompts.render(name, turns, preset=False)
    return TrainingText(text, _answers(name, found, turns), has_image)


def trained_as(template: str) -> str:
    """Return the template that training writes conversations in for a template's name."""
    return _TRAINED_AS.get(template, template)


def _turn(turn: Any, number: int) -> tuple[str, str]:
    speaker = turn.get("from") if isinstance(turn, Mapping) else None
    value = turn.get("value") if isinstance(turn, Mapping) else None
    if speaker not in _ROLES or not isinstance(value, str):
        raise InputError(
            f"Turn {number} of the conversation must be an object with 'from' (human or gpt) and "
            "'value' (a text)."
        )
    return _ROLES[speaker], value


def _image_mark(template: Template, start_and_end: bool) -> str:
    mark = f"<Image>{IMAGE_TOKEN}</Image>" if "mmtag" in template.version else IMAGE_TOKEN
    return mark.replace(IMAGE_TOKEN, f"<im_start>{IMAGE_TOKEN}<im_end>") if start_and_end else mark


def _image_in_front(text: str, shown: str) -> str:
    if IMAGE_TOKEN not in text:
        return text
    words = text.replace(IMAGE_TOKEN, "").strip()
    return f"{IMAGE_TOKEN}\n{words}".strip().replace(IMAGE_TOKEN, shown)


def _check_order(turns: Sequence[tuple[str, str]]) -> None:
    if not turns:
        raise InputError("The conversation asks nothing: it needs a turn from human.")
    for number, (role, _) in enumerate(turns):
        if role != ("user", "assistant")[number % 2]:
            raise InputError(
                "The turns of the conversation do not alternate between human and gpt. Join or "
                "remove turns so that they do."
            )


def _answers(
    name: str, template: Template, turns: Sequence[tuple[str, str]]
) -> tuple[tuple[int, int], ...]:
    marker = _end_marker(template)
    lead = 1 if template.style in _SPACED else 0
    spans = []
    for index, (_, text) in enumerate(turns):
        if index % 2 and text:
            # a text up to a turn is the beginning of the whole, and ends with that turn's marker
            end = len(prompts.render(name, turns[: index + 1], preset=False))
            start = end - len(marker) - len(text) - lead
            spans.append((start, end - len(marker) + len(marker.rstrip("\n"))))
    return tuple(spans)


def _end_marker(template: Template) -> str:
    first, second = template.separators
    if second is None or template.style == "plain":
        return first
    return f" {second}" if template.style in ("llama_2", "mistral") else second


def _caption(turns: Sequence[tuple[str, str]], template: Template) -> TrainingText:
    """PLAIN: the question is dropped, and all after the image is learnt."""
    if len(turns) != 2 or IMAGE_TOKEN not in turns[0][1]:
        raise InputError(
            "Under the template 'plain' a conversation has two turns, with <image> in the first."
        )
    text = f"{IMAGE_TOKEN}{turns[1][1]}{template.separators[0]}"
    return TrainingText(text, ((len(IMAGE_TOKEN), len(text)),), has_image=True)


def _signalled(
    turns: Sequence[tuple[str, str]], template: Template, has_image: bool
) -> TrainingText:
    """Write the format older than styles, ``### Human: …``, which takes turns in any order."""
    signal = "### "
    text, spans = f"{template.system}\n\n", []
    for role, words in turns:
        name = template.roles[0 if role == "user" else 1]
        text += f"{signal}{name}: "
        if role == "assistant" and words:
            spans.append((len(text), len(text) + len(f"{words}\n{signal.rstrip()}")))
        text += f"{words}\n"
    return TrainingText(text + signal, tuple(spans), has_image)
