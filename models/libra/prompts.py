"""Prompts of the Libra family: conversations, questions and token ids, byte for byte as published.

The original is X-iZhang/Libra @0d6c56a (``libra/conversation.py``, ``libra/mm_utils.py``). Where it
is known to be wrong, ``published=False`` asks for what its training used or meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.arguments import check_argument
from models.errors import InputError
from models.libra import templates as _templates
from models.libra.templates import Template, TemplateChoice

IMAGE_TOKEN = "<image>"  # noqa: S105
IMAGE_TOKEN_INDEX = -200
FINDINGS_QUESTION = "Provide a detailed description of the findings in the radiology image."
DEFAULT_TEMPLATE = _templates.DEFAULT
IMPRESSION_QUESTION = "Provide a detailed description of the impression in the radiology image."

_QUESTIONS = {"findings": FINDINGS_QUESTION, "impression": IMPRESSION_QUESTION}
_ROLES = ("user", "assistant")

Text = str | tuple[str, Any, Any] | None
"""What a turn says: a text; (text, image, image mode); or None for a turn still to be written."""


@dataclass(frozen=True)
class _Message:
    role: int
    text: str


def templates() -> list[str]:
    """Return the names of the conversation templates."""
    return _templates.names()


def template_for(folder_name: str) -> TemplateChoice:
    """Return the template that the original takes for a checkpoint of that name, and why."""
    return _templates.choose(folder_name)


def stop_string(name: str, *, published: bool = True) -> str:
    """Return the text that ends an answer under a template.

    The published one of the LLAMA_2 style is ``<s>``, which no answer ends with;
    ``published=False`` gives ``</s>``.
    """
    template = _templates.find(name)
    first, second = template.separators
    by_second = (
        ("two", "llama_3", "mistral") if published else ("two", "llama_3", "mistral", "llama_2")
    )
    return second if second is not None and template.style in by_second else first


def section_question(section: str) -> str:
    """Return the question that Libra's data ask for a section of the report.

    Raises
    ------
    InputError
        If there is no published question for that section.
    """
    check_argument("section", section, str)
    if section not in _QUESTIONS:
        raise InputError(
            f"Libra has no question for the section {section!r}, only for "
            f"{' and '.join(_QUESTIONS)}. Choose one of these or give a prompt of your own."
        )
    return _QUESTIONS[section]


def with_context(question: str, context: Mapping[str, str]) -> str:
    """Return the question followed by the sections of the clinical context, in their order.

    Blank sections are left out. How the published files join several is not known; here they are
    joined by a comma.

    >>> with_context("Describe.", {"indication": "Cough", "history": "Smoker."})
    'Describe. Following clinical context: Indication: Cough, History: Smoker.'
    """
    check_argument("question", question, str)
    check_argument("context", context, Mapping)
    for name, text in context.items():
        check_argument("A section's name", name, str)
        check_argument(f"The section {name!r}", text, str)
    sections = [f"{_title(name)}: {text.strip()}" for name, text in context.items() if text.strip()]
    if not sections:
        return question
    return f"{question} Following clinical context: {', '.join(sections)}"


def image_question(question: str, *, start_and_end: bool = False) -> str:
    """Return the question with the image's place before it.

    ``start_and_end`` is the checkpoint's ``mm_use_im_start_end``.
    """
    check_argument("question", question, str)
    image = f"<im_start>{IMAGE_TOKEN}<im_end>" if start_and_end else IMAGE_TOKEN
    return f"{image}\n{question}"


def render(
    name: str, turns: Sequence[tuple[str, Text]], *, published: bool = True, preset: bool = True
) -> str:
    r"""Return a conversation as the prompt text of a template.

    A turn is a role, ``user`` or ``assistant``, and its text; an empty text or None prints only
    the role's header, which is where the model goes on. A first text given as
    (text, image, image mode) has its image placed in front.

    ``published=False`` opens the assistant's turn of LLAMA_3 and QWEN as training wrote it (the
    original prints ``ASSISTANT`` in capitals, and loses the line breaks after the header), and
    leaves out LLAMA_3's begin token, which the tokenizer adds once more. ``preset=False`` leaves
    out the turns that some templates begin with, as training does.

    >>> render("mistral_instruct", [("user", "<image>\nDescribe."), ("assistant", None)])
    '[INST] <image>\nDescribe. [/INST]'

    Raises
    ------
    InputError
        If the template or a role is unknown, or the template cannot take these turns.
    """
    _check_turns(turns)
    template = _templates.find(name)
    before = template.preset if preset else ()
    messages: list[tuple[int, Text]] = [(i % 2, text) for i, text in enumerate(before)]
    messages += [(_role(role), text) for role, text in turns]
    plain = [_Message(role, _words(text)) for role, text in _placed_image(template, messages)]
    return _STYLES[template.style](_Conversation(name, template, plain, published))


def tokenize(prompt: str, tokenizer: Any) -> list[int]:
    """Return the prompt's token ids, with -200 where the image is.

    ``tokenizer`` is called with the text between images and gives ``input_ids``; the begin token
    it puts in front of each piece is kept at the first alone.
    """
    check_argument("prompt", prompt, str)
    pieces = [list(tokenizer(piece).input_ids) for piece in prompt.split(IMAGE_TOKEN)]
    ids = pieces[0]
    begin = tokenizer.bos_token_id
    begins = begin is not None and ids[:1] == [begin]
    for piece in pieces[1:]:
        ids = [*ids, IMAGE_TOKEN_INDEX, *(piece[1:] if begins and piece[:1] == [begin] else piece)]
    return ids


@dataclass(frozen=True)
class _Conversation:
    name: str
    template: Template
    messages: Sequence[_Message]
    published: bool


def _check_turns(turns: object) -> None:
    if isinstance(turns, str) or not isinstance(turns, Sequence):
        kind = type(turns).__name__
        raise InputError(f"A conversation must be a list of turns (role, text), not {kind}.")
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, tuple | list) or len(turn) != 2:
            raise InputError(
                f"Turn {number} of the conversation is no pair (role, text), with 'user' or "
                "'assistant' as the role."
            )
        check_argument(f"The role of turn {number}", turn[0], str)
        text = turn[1][0] if isinstance(turn[1], tuple) and len(turn[1]) == 3 else turn[1]
        check_argument(f"The text of turn {number}", text, str, None)


def _title(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def _role(role: str) -> int:
    if role not in _ROLES:
        raise InputError(f"Unknown role {role!r} in a conversation. Use 'user' or 'assistant'.")
    return _ROLES.index(role)


def _words(text: Text) -> str:
    return (text[0] if isinstance(text, tuple) else text) or ""


def _placed_image(template: Template, messages: list[tuple[int, Text]]) -> list[tuple[int, Text]]:
    if not messages or not isinstance(messages[0][1], tuple):
        return messages
    role, words = messages[0][0], _words(messages[0][1]).replace(IMAGE_TOKEN, "").strip()
    if "mmtag" in template.version:
        shown: list[tuple[int, Text]] = [(0, f"<Image>{IMAGE_TOKEN}</Image>"), (1, "Received.")]
        return [*shown, (role, words), *messages[1:]]
    return [(role, f"{IMAGE_TOKEN}\n{words}"), *messages[1:]]


def _named_turns(talk: _Conversation) -> str:
    """SINGLE and TWO: "Name: text", and what ends a turn may depend on whose turn it is."""
    first, second = talk.template.separators
    ends = (first, first if second is None else second)
    prompt = talk.template.system + first
    for index, message in enumerate(talk.messages):
        role = talk.template.roles[message.role]
        prompt += f"{role}: {message.text}{ends[index % 2]}" if message.text else f"{role}:"
    return prompt


def _headed_turns(talk: _Conversation) -> str:
    """MPT, GEMMA and PHI3: the role is a header; PHI3 takes it from the turn's place."""
    end = talk.template.separators[0]
    prompt = talk.template.system + end
    for index, message in enumerate(talk.messages):
        role = index % 2 if talk.template.style == "phi3" else message.role
        prompt += talk.template.roles[role] + (message.text + end if message.text else "")
    return prompt


def _instructions(talk: _Conversation) -> str:
    """LLAMA_2 and MISTRAL: instructions in brackets, the system text inside the first one."""
    begin, end = talk.template.separators
    if not talk.messages or not talk.messages[0].text or talk.messages[0].role != 0:
        raise InputError(f"A {talk.name!r} conversation must begin with a text of the user's.")
    system = f"<<SYS>>\n{talk.template.system}\n<</SYS>>\n\n" if talk.template.system else ""
    prompt = ""
    for index, message in enumerate(talk.messages):
        if message.text and index % 2 == 0:
            prompt += f"{begin}[INST] {'' if index else system}{message.text} [/INST]"
        elif message.text:
            prompt += f" {message.text} {end}"
    return prompt.lstrip(begin)


def _llama_3(talk: _Conversation) -> str:
    begin, end = talk.template.separators
    header = "<|start_header_id|>{}<|end_header_id|>\n\n"
    prompt = begin if talk.published else ""
    prompt += f"{header.format('system')}{talk.template.system}{end}"
    for message in talk.messages:
        if message.text:
            prompt += f"{header.format(_ROLES[message.role])}{message.text}{end}\n"
        else:
            names = talk.template.roles if talk.published else _ROLES
            prompt += header.format(names[message.role])
    return _stripped(talk, prompt)


def _qwen(talk: _Conversation) -> str:
    end = talk.template.separators[0]
    prompt = f"{talk.template.system}{end}\n"
    for message in talk.messages:
        prompt += f"{talk.template.roles[message.role]}\n"
        prompt += f"{message.text}{end}\n" if message.text else ""
    return _stripped(talk, prompt)


def _stripped(talk: _Conversation, prompt: str) -> str:
    """Strip the whole, as published; else keep the breaks after the header of an open turn."""
    is_open = bool(talk.messages) and not talk.messages[-1].text
    return prompt if is_open and not talk.published else prompt.strip()


def _plain(talk: _Conversation) -> str:
    prompt = talk.template.system
    for index, message in enumerate(talk.messages):
        end = talk.template.separators[index % 2]
        if message.text and end is None:
            raise InputError(f"A {talk.name!r} conversation takes one text and no answer to it.")
        prompt += f"{message.text}{end}" if message.text else ""
    return prompt


_STYLES: dict[str, Callable[[_Conversation], str]] = {
    "single": _named_turns,
    "two": _named_turns,
    "mpt": _headed_turns,
    "gemma": _headed_turns,
    "phi3": _headed_turns,
    "llama_2": _instructions,
    "mistral": _instructions,
    "llama_3": _llama_3,
    "qwen": _qwen,
    "plain": _plain,
}
