"""English sentence boundaries, exactly as NLTK's Punkt tokenizer finds them.

Source: Kiss and Strunk 2006, "Unsupervised multilingual sentence boundary detection", as NLTK
3.10 implements it. The English parameters are NLTK's ``punkt_tab`` (``resources/LICENSES.md``).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

from metrics.tokens.regular_expressions import Compile, compiled

_ENDS = (".", "?", "!")
_NEVER_FIRST = frozenset(";:,.!?")
# In which places of the training text a word was seen: bits of the ortho_context file.
_CAPITAL_INSIDE, _CAPITAL, _SMALL_FIRST, _SMALL = 1 << 2, 0b1110, 1 << 4, 0b1110000
_CURLY = "\u2018\u2019\u201c\u201d\xab\xbb"
_AFTER_WORD = rf"""[)";}}\]*:@'({{[{_CURLY}?!]"""
_REPEATED = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"


@dataclass(frozen=True)
class Parameters:
    """What Punkt learnt about English."""

    abbreviations: frozenset[str]
    collocations: frozenset[tuple[str, str]]
    sentence_starters: frozenset[str]
    contexts: dict[str, int]


@cache
def english() -> Parameters:
    """Return the bundled English parameters."""
    return Parameters(
        frozenset(_lines("abbrev_types.txt")),
        frozenset((first, second) for first, second in _rows("collocations.tab")),
        frozenset(_lines("sent_starters.txt")),
        {word: int(bits) for word, bits in _rows("ortho_context.tab")},
    )


def _lines(name: str) -> list[str]:
    path = files("metrics") / "resources" / "punkt_english" / name
    return path.read_text("utf-8").removesuffix("\n").split("\n")


def _rows(name: str) -> Iterator[list[str]]:
    return (line.split("\t") for line in _lines(name))


class _Patterns(NamedTuple):
    token: Any
    candidate: Any
    belongs_before: Any
    number: Any
    initial: Any


def _patterns(build: Compile) -> _Patterns:
    word_end = rf"(?=\s|$|{_AFTER_WORD}|{_REPEATED}|,(?=$|\s|{_AFTER_WORD}|{_REPEATED}))"
    return _Patterns(
        token=build(rf"""{_REPEATED}|(?=[^("`{{\[:;&#*@)}}\]\-,])\S+?{word_end}|\S"""),
        candidate=build(rf"[.?!](?=(?P<after>{_AFTER_WORD}|\s+(?P<next>\S+)))"),
        belongs_before=build(rf"""["')\]}}{_CURLY}]+?(?:\s+|(?=--)|$)""", re.MULTILINE),
        number=build(r"-?[.,]?\d[\d,.-]*\.?$"),
        initial=build(r"[^\W\d]\.$"),
    )


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, with the white space inside them.

    >>> sentences("Seen by Dr. Doe. No change.")
    ['Seen by Dr. Doe.', 'No change.']
    """
    patterns = compiled(_patterns, text)
    found = []
    skipped = 0
    spans = list(_spans(text, patterns))
    for (start, stop), following in zip(spans, [*spans[1:], None], strict=True):
        start += skipped
        skipped = 0
        # Closing quotes and brackets after a full stop belong to the sentence that it ends.
        if following and (closing := patterns.belongs_before.match(text[slice(*following)])):
            stop = following[0] + len(closing.group().rstrip())
            skipped = closing.end()
        elif start >= stop:
            continue
        found.append(text[start:stop])
    return found


def _spans(text: str, patterns: _Patterns) -> Iterator[tuple[int, int]]:
    start = 0
    for match, context in _candidates(text, patterns):
        if has_inner_break(context):
            yield start, match.end()
            start = match.end() if match["next"] is None else match.start("next")
    yield start, len(text.rstrip())


def _candidates(text: str, patterns: _Patterns) -> Iterator[tuple[Any, str]]:
    """Yield each possible sentence end with the word before it and what follows it.

    Of several in one word ("so?!") the last one stands for all.
    """
    held: tuple[Any, str] | None = None
    word_start = word_stop = 0
    for match in patterns.candidate.finditer(text):
        stop = match.start()
        space = max(text.rfind(mark, word_stop, stop) for mark in string.whitespace)
        # White space right where the search starts counts as none, as in NLTK.
        start = space + 1 if space > word_stop else word_start
        if held and word_stop <= start:
            yield held
        held = match, text[start:stop] + match.group() + match["after"]
        word_start, word_stop = start, stop
    if held:
        yield held


@dataclass(slots=True)
class _Token:
    text: str
    kind: str
    is_initial: bool
    ends_sentence: bool = False
    is_abbreviation: bool = False
    is_ellipsis: bool = False

    @property
    def kind_without_stop(self) -> str:
        return self.kind[:-1] if len(self.kind) > 1 and self.kind[-1] == "." else self.kind

    @property
    def kind_inside(self) -> str:
        return self.kind_without_stop if self.ends_sentence else self.kind


def has_inner_break(context: str) -> bool:
    """Tell whether a sentence ends in ``context`` before its last token."""
    tokens = _tokens(context)
    return any(_ends_sentence(token, following) for token, following in pairwise(tokens))


def may_depend_on_what_follows(word: str) -> bool:
    """Tell whether a word that ends in ``.``, ``?`` or ``!`` ends a sentence only at times.

    If not, it ends one before whatever word.
    """
    if has_inner_break(word):
        return False
    last = _tokens(word)[-1]
    certain = last.ends_sentence and not last.is_initial
    return not certain or last.kind_without_stop in _first_of_collocations()


@cache
def _first_of_collocations() -> frozenset[str]:
    return frozenset(first for first, _ in english().collocations) | {"##number##"}


def _tokens(context: str) -> list[_Token]:
    patterns = compiled(_patterns, context)
    lines = [line for line in context.split("\n") if line.strip()]
    return [_token(found, patterns) for line in lines for found in patterns.token.findall(line)]


def _token(text: str, patterns: _Patterns) -> _Token:
    lower = text.lower()
    kind = "##number##" if patterns.number.match(lower) else lower
    token = _Token(text, kind, is_initial=patterns.initial.match(text) is not None)
    if text in _ENDS:
        token.ends_sentence = True
    elif len(text) > 1 and not text.strip("."):
        token.is_ellipsis = True
    elif text.endswith(".") and not text.endswith(".."):
        word = text[:-1].lower()
        known = english().abbreviations
        token.is_abbreviation = word in known or word.split("-")[-1] in known
        token.ends_sentence = not token.is_abbreviation
    return token


def _ends_sentence(token: _Token, following: _Token) -> bool:
    """Decide with the next token in view, which by itself was only looked at alone."""
    if not token.text.endswith("."):
        return token.ends_sentence
    kind, next_kind = token.kind_without_stop, following.kind_inside
    if (kind, next_kind) in english().collocations:
        return False
    starts = _starts_sentence(following)
    if (token.is_abbreviation or token.is_ellipsis) and not token.is_initial:
        capital = following.text[0].isupper()
        if starts is True or (capital and next_kind in english().sentence_starters):
            return True
    if token.is_initial or kind == "##number##":
        if starts is False:
            return False
        if starts is None and token.is_initial and following.text[0].isupper():
            seen_small = english().contexts.get(next_kind, 0) & _SMALL
            return token.ends_sentence and bool(seen_small)
    return token.ends_sentence


def _starts_sentence(token: _Token) -> bool | None:
    """Tell by its spelling whether a token begins a sentence; None where that is open."""
    if token.text in _NEVER_FIRST:
        return False
    seen = english().contexts.get(token.kind_inside, 0)
    first = token.text[0]
    if first.isupper() and seen & _SMALL and not seen & _CAPITAL_INSIDE:
        return True
    if first.islower() and (seen & _CAPITAL or not seen & _SMALL_FIRST):
        return False
    return None
