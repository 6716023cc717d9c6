"""Finds in a report's sentences the words that temporal extraction is built from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from metrics.temporal import lexicon as lexicon

_SENTENCE_END = re.compile(r"[.!?]+(?!\d)|\n\s*(?=\n|[-*•]|\d+[.)]\s)")
_TOKEN = re.compile(r"[a-z0-9]+(?:'t\b)?|[^\W_]+|[,;:()/&+]")
_LONGEST = 1000
word_list = re.compile(r"[a-z]+").findall


@dataclass(slots=True)
class Mark:
    """A known word or phrase of a sentence.

    ``kind`` is ``finding``, ``change``, ``compound`` (a finding with its change), ``side`` or one
    of the structure words; ``value`` is the canonical name. ``start`` and ``end`` are characters
    of the raw text, ``first`` and ``stop`` words of the sentence. The rest is filled in by
    `temporal_tuples`.
    """

    kind: str
    value: str
    start: int
    end: int
    first: int
    stop: int
    weak: bool = False
    quantity: bool = False
    bare: bool = False
    negated: bool = False
    supposed: bool = False
    change: str = ""
    sides: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Sentence:
    """The words of a sentence, as a list and as a set, and its marks in order."""

    words: list[str]
    known: set[str]
    marks: list[Mark]

    @property
    def compares(self) -> bool:
        """Whether a word of the sentence points to another time."""
        return not lexicon.EVIDENCE.isdisjoint(self.known)


def lower_in_place(text: str) -> str:
    """Return the text in lower case and with plain apostrophes, characters where they were."""
    text = text.replace("\u2019", "'")
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def sentence_bounds(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each sentence; a line break alone ends none, a list item does.

    Sentences of more than 1,000 characters, which only a model caught in a loop writes, are cut
    at a space: what is said of one of them costs time that grows with its square.
    """
    start = 0
    for boundary in _SENTENCE_END.finditer(text):
        yield from _cut(text, start, boundary.start())
        start = boundary.end()
    yield from _cut(text, start, len(text))


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > _LONGEST:
        cut = text.rfind(" ", start + 1, start + _LONGEST)
        cut = start + _LONGEST if cut < 0 else cut
        yield start, cut
        start = cut
    yield start, end


def changing_sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences that hold a change word, with their marks."""
    lowered = lower_in_place(text)
    if _TRIGGERS.isdisjoint(word_list(lowered)):
        return
    for start, end in sentence_bounds(lowered):
        known = set(word_list(lowered[start:end]))
        if not _TRIGGERS.isdisjoint(known):
            yield _scan(lowered, start, end, known)


def _scan(text: str, start: int, end: int, known: set[str]) -> Sentence:
    tokens = list(_TOKEN.finditer(text, start, end))
    words = [token[0] for token in tokens]
    marks: list[Mark] = []
    skip_to = 0
    for i, word in enumerate(words):
        if i < skip_to or word not in _PHRASES:
            continue
        for rest, entries in _PHRASES[word]:
            stop = i + 1 + len(rest)
            if not rest or words[i + 1 : stop] == rest:
                first, last = tokens[i].start(), tokens[stop - 1].end()
                for (kind, value), flags in entries:
                    marks.append(Mark(kind, value, first, last, i, stop, *flags))
                skip_to = stop
                break
    return Sentence(words, known, marks)


_Entry = tuple[tuple[str, str], tuple[bool, bool]]


def _split(phrases: str) -> list[list[str]]:
    return [phrase.split() for phrase in phrases.split(",") if phrase.strip()]


def _table() -> Iterator[tuple[list[str], list[_Entry]]]:
    for finding in lexicon.FINDINGS:
        for phrases, quantity in ((finding.things, False), (finding.quantities, True)):
            entry: list[_Entry] = [(("finding", finding.name), (False, quantity))]
            for words in _split(phrases):
                yield words, entry
                yield [*words[:-1], words[-1] + "s"], entry
    for phrase, names in lexicon.JOINT_FINDINGS.items():
        yield phrase.split(), [(("finding", name), (False, True)) for name in names]
    for changes, weak in ((lexicon.CHANGES, False), (lexicon.WEAK_CHANGES, True)):
        for value, phrases in changes.items():
            for words in _split(phrases):
                yield words, [(("change", value), (weak, False))]
    for (name, value), phrases in lexicon.COMPOUNDS.items():
        for words in _split(phrases):
            yield words, [(("compound", f"{name} {value}"), (False, False))]
    for words in _split(lexicon.IGNORED):
        yield words, []
    for kind, phrases in lexicon.STRUCTURE.items():
        for words in _split(phrases):
            yield words, [((kind, ""), (False, False))]
    for sign, kind in lexicon.PUNCTUATION.items():
        yield [sign], [((kind, ""), (False, False))]
    for side, phrases in lexicon.SIDES.items():
        for words in _split(phrases):
            yield words, [(("side", side), (False, False))]
    for words in _split(lexicon.REMAIN):
        yield words, [(("verb", ""), (False, False)), (("change", "same"), (True, False))]


def _index() -> dict[str, list[tuple[list[str], list[_Entry]]]]:
    index: dict[str, dict[tuple[str, ...], list[_Entry]]] = {}
    for words, entries in _table():
        index.setdefault(words[0], {}).setdefault(tuple(words[1:]), entries)
    return {
        first: sorted(((list(rest), e) for rest, e in phrases.items()), key=lambda p: -len(p[0]))
        for first, phrases in index.items()
    }


_PHRASES = _index()
_TRIGGERS = lexicon.PAST.union(
    *(
        set(words) - lexicon.COMMON
        for words, entries in _table()
        for (kind, value), _flags in entries
        if kind in ("change", "compound") and value != "absent"
    )
)
