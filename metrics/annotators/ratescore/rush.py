r"""RuSH: sentence spans of clinical text by rules over characters.

A rule is a string of literal characters, classes (``\d`` a digit), ``+`` for repeats and brackets
around what it marks. The rules are one trie, walked from every position; where two marks of one
name overlap, the wider one stays, and those of a rule with an odd score are then dropped: they
only shield. The rule file is medspaCy's, for English (``resources/LICENSES.md``).

Source: Shi et al. 2016, "Fast clinical sentence detection with hashing". Reads rules as PyRuSH
1.0.13 with PyFastNER 1.0.10 does, their oddities included. Among several overlapping marks theirs
picks one by the shape of a random tree; here it is the one that begins last.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

Range = tuple[int, int]

_RULES = "rush_rules_english.tsv"
_END = "end of rule"
_MOST_REPEATS = 50
_SHORTEST_GAP = 5
_CLOSING = '.!?)]"'


@dataclass(slots=True)
class _Mark:
    begin: int
    end: int
    shields: bool


class _Marks:
    """The marks of one name, none of which overlaps a narrower one that came before it."""

    def __init__(self) -> None:
        self.kept: list[_Mark] = []
        self._taken: list[tuple[int, int, int]] = []

    def add(self, mark: _Mark, start: int) -> None:
        """Add the mark, put it in place of a narrower one that it overlaps, or drop it.

        No later mark begins before ``start``.
        """
        self._taken = [taken for taken in self._taken if taken[1] >= start]
        places = [
            (begin, place)
            for begin, end, place in self._taken
            if (begin < mark.end and end > mark.begin) or begin == end == mark.begin
        ]
        place = max(places)[1] if places else len(self.kept)
        # PyFastNER takes the last character off the first mark
        end = mark.end if self.kept else mark.end - 1
        if not places:
            self.kept.append(mark)
        elif mark.end - mark.begin > self.kept[place].end - self.kept[place].begin:
            self.kept[place] = mark
        else:
            return
        self._taken.append((mark.begin, end, place))


class _Walk:
    """One walk of the trie over a text; collects marks by name."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.marks = {"stbegin": _Marks(), "stend": _Marks()}
        for self.start in range(len(text)):
            self._step(_trie(), self.start, 0, self.start, "")

    def found(self, name: str) -> list[Range]:
        """Return the ranges of the marks that do more than shield, in the order of discovery."""
        return [(mark.begin, mark.end) for mark in self.marks[name].kept if not mark.shields]

    def _step(self, node: dict[str, Any], begin: int, end: int, position: int, last: str) -> None:
        """Go on from a node; ``last`` is the rule's piece just passed, an ``end`` of 0 unset."""
        if position == len(self.text):
            self._finish(node, begin, end)
            return
        character = self.text[position]
        for letter, child in node.get("\\", {}).items():
            if letter in _classes(character):
                self._step(child, begin, end, position + 1, "\\" + letter)
            elif letter == "b" and position == 0:
                self._step(child, begin, end, 0, "\\b")
        if "(" in node and last[-1:] != "\\":
            self._step(node["("], position, end, position, "(")
        if ")" in node and last[-1:] != "\\":
            self._step(node[")"], begin, position, position, ")")
        if _END in node:
            self._add(node[_END], begin, end or position)
        if character in node and character not in "()":
            self._step(node[character], begin, end, position + 1, character)
        if "+" in node:
            self._step(node["+"], begin, end, position, "+")
            self._repeat(node["+"], begin, end, position, last)

    def _repeat(self, node: dict[str, Any], begin: int, end: int, position: int, last: str) -> None:
        """Pass as many repeats of the last piece as there are."""
        if len(last) == 2 and last[1] not in "sndCcpauw":
            return
        stop = min(position + _MOST_REPEATS, len(self.text))
        while position < stop and _is(self.text[position], last):
            position += 1
        self._step(node, begin, end, position, "+")

    def _finish(self, node: dict[str, Any], begin: int, end: int) -> None:
        """Close a rule whose remainder needs no further character."""
        length = len(self.text)
        if _END in node:
            self._add(node[_END], begin, end or length)
        elif "e" in node.get("\\", {}):
            self._add(node["\\"]["e"][_END], begin, end or length)
        elif ")" in node:
            if _END in node[")"]:
                self._add(node[")"][_END], begin, length)
        elif "+" in node:
            self._finish(node["+"], begin, end)

    def _add(self, rule: tuple[str, bool], begin: int, end: int) -> None:
        name, shields = rule
        mark = _Mark(min(begin, end), max(begin, end), shields)
        self.marks[name].add(mark, self.start)


def sentence_spans(text: str) -> list[Range]:
    """Return the character ranges of the text's sentences; none ends in white space."""
    walk = _Walk(text)
    begins = [begin for begin, _ in walk.found("stbegin")]
    ends = walk.found("stend")
    spans = _paired(text, begins, ends)
    if not spans:
        gap = _trimmed(text, 0, len(text))
        return [gap] if gap and gap[1] - gap[0] > _SHORTEST_GAP else []
    before = _trimmed(text, 0, spans[0][0])
    if before and spans[0][0] <= ends[0][0]:
        spans[0] = (before[0], spans[0][1])
    elif before:
        spans.insert(0, before)
    _fill(spans, text, spans[-1][1], len(text))
    return spans


def _paired(text: str, begins: list[int], ends: list[Range]) -> list[Range]:
    """Join begins with the ends that follow them, up to the next begin."""
    spans: list[Range] = []
    begin = end = first = 0  # the first end to look at
    is_open = False
    for number, mark in enumerate(begins):
        if mark < end:
            continue
        if not is_open:
            begin, is_open = mark, True
        _fill(spans, text, spans[-1][1] if spans else 0, begin)
        later = begins[number + 1] if number + 1 < len(begins) else None
        for place in range(first, len(ends)):
            following = ends[place + 1] if place + 1 < len(ends) else None
            if later is not None and following is not None and later <= ends[place][0]:
                break
            first = place
            end = _without_space(text, ends[place][0] + 1)
            if end < begin:
                continue
            if not is_open:
                spans[-1] = (begin, end)
                continue
            spans.append((begin, end))
            is_open = False
            if later is not None and (following is None or later <= following[1]):
                break
    return spans


def _fill(spans: list[Range], text: str, start: int, stop: int) -> None:
    """Make a sentence of the gap, or give it to the sentence before it if it is short."""
    gap = _trimmed(text, start, stop)
    if gap is None:
        return
    if gap[1] - gap[0] > _SHORTEST_GAP:
        spans.append(gap)
    elif spans:
        spans[-1] = (spans[-1][0], gap[1])


def _trimmed(text: str, start: int, stop: int) -> Range | None:
    """Return the range from the first visible character to the last that can close a sentence."""
    begin = next((i for i in range(start, stop) if not text[i].isspace()), stop)
    for last in range(stop - 1, begin, -1):
        if text[last].isalnum() or text[last] in _CLOSING:
            return begin, last + 1
    return None


def _without_space(text: str, end: int) -> int:
    return len(text[:end].rstrip())


def _is(character: str, piece: str) -> bool:
    return piece[1] in _classes(character) if len(piece) == 2 else character == piece


@lru_cache(4096)
def _classes(character: str) -> frozenset[str]:
    """Return the letters of the classes that the character belongs to."""
    tests = {
        "s": character in " \t\u00a0",
        "n": character in "\n\r",
        "d": character.isdigit(),
        "C": character.isupper(),
        "c": character.islower(),
        "p": character in string.punctuation,
        "a": not character.isspace(),
        "u": character > "~" and character != "\u00a0",
        "w": character > "~" or character.isspace(),
        "(": character == "(",
        ")": character == ")",
        "\\": character == "\\",
    }
    return frozenset(letter for letter, holds in tests.items() if holds)


@cache
def _trie() -> dict[str, Any]:
    """Return the rules as nested dictionaries, character by character."""
    root: dict[str, Any] = {}
    lines = (files("metrics") / "resources" / _RULES).read_text("utf-8").split("\n")
    for line in lines:
        if line.startswith(("#", "@")) or "\t" not in line:
            continue
        rule, score, name = line.split("\t")
        node = root
        for character in rule:
            node = node.setdefault(character, {})
        node[_END] = (name.strip(), float(score) % 2 != 0)
    return root
