"""Answers to visual questions: their words, and whether a question is open or closed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from metrics.errors import InputError

YES_NO = ("yes", "no")
ANSWER_TYPE = "answer_type"
"""The tag of a sample that says whether its question is open or closed."""
_OPEN = ("open", "other", "number")
_CLOSED = ("closed", "yes/no")
_PUNCTUATION = ';/[]"{}()=+\\_->@`<,?!'
_DIGITS_AROUND_COMMA = re.compile(r"\d,\d")
_LIST_COMMA = re.compile(r"(?<!\d),|,(?!\d)")
_FULL_STOP = re.compile(r"\.(?!\d)")
_ARTICLES = frozenset({"a", "an", "the"})
_NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = {"zero": "0", **{word: str(number) for number, word in enumerate(_NUMBERS)}}


def answer_words(answer: str) -> list[str]:
    """Return the words of an answer as LLaVA-Med compares them.

    Lower case; punctuation becomes a blank, or nothing where the answer has it beside a blank;
    full stops go unless a digit follows; articles are dropped and number words become digits.

    Source: microsoft/LLaVA-Med, ``llava/eval/eval_metrics/glossary.py``, which follows the
    evaluation of VQA 2.0. Left out: its table that puts apostrophes back ("dont").

    >>> answer_words("The X-ray shows two nodules.")
    ['x', 'ray', 'shows', '2', 'nodules']
    """
    text = answer.lower()
    in_number = _DIGITS_AROUND_COMMA.search(answer) is not None
    for mark in _PUNCTUATION:
        if mark in answer:
            beside_blank = f"{mark} " in answer or f" {mark}" in answer
            text = text.replace(mark, "" if beside_blank or in_number else " ")
    words = (_DIGITS.get(word, word) for word in _FULL_STOP.sub("", text).split())
    return [word for word in words if word not in _ARTICLES]


def answer_parts(answer: str) -> frozenset[str]:
    """Return the members of an answer that is a list with commas; their order does not matter.

    >>> answer_parts("edema, lung opacity") == answer_parts("Lung opacity, edema.")
    True
    """
    parts = (" ".join(answer_words(part)) for part in _LIST_COMMA.split(answer))
    return frozenset(part for part in parts if part)


def is_closed(sample_id: str, tags: Mapping[str, str], references: Sequence[list[str]]) -> bool:
    """Return whether a question is closed: as its tag says, else if "yes" or "no" answers it.

    ``references`` are the words of each reference.

    Raises
    ------
    InputError
        If the tag holds another word than those of LLaVA-Med's data sets.
    """
    tag = tags.get(ANSWER_TYPE)
    if tag is None:
        return all(len(words) == 1 and words[0] in YES_NO for words in references)
    kind = tag.strip().lower()
    if kind not in (*_OPEN, *_CLOSED):
        raise InputError(
            f"Sample {sample_id!r}: the tag {ANSWER_TYPE} is no type of answer. "
            "Write OPEN or CLOSED, or leave it out."
        )
    return kind in _CLOSED
