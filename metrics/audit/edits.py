"""Edits of a report: some change what it says of the patient, others only how it is said.

Every edit changes one place and returns all texts that it can make of a report, so that one of
them can be drawn. Nothing is edited inside a word, and capitals are kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from metrics.audit import rules
from metrics.audit.words import any_of, capitalised, replaced, sentences, whole_words
from metrics.errors import InputError

Kind = Literal["meaning", "harmless"]

_FINDING = whole_words(rules.FINDING)
_DEVICE = whole_words(rules.DEVICE)
_NO_DEVICE = whole_words(rules.NO_DEVICE)
_NEGATED = whole_words(rules.NEGATED)
_NO_NEGATION = whole_words(rules.NO_NEGATION)
_NEGATIONS = any_of(rules.NEGATIONS)
_SEVERITY = any_of(rules.SEVERITIES)
_STATEMENT = whole_words(rf"{rules.STATEMENT}(?: (?:{'|'.join(rules.SEVERITIES)}))?")
_SIDES = any_of(rules.SIDES)
_BOTH_SIDES = whole_words(rules.BOTH_SIDES)
_RANGE = whole_words(rf"(?:{'|'.join(rules.SEVERITIES)}) (?:{rules.RANGE})")
_CHANGES = any_of(rules.CHANGES)
_NO_CHANGE = any_of(rules.NO_CHANGE)
_SYNONYMS = any_of(rules.SYNONYMS)
_ABBREVIATIONS = any_of(rules.ABBREVIATIONS)
_FOLLOWS = whole_words(rules.FOLLOWS)
_NO = whole_words("no|not|without|neither|nor")
_NUMBERED = re.compile(r"\s*\d+[.)]\s")


@dataclass(frozen=True)
class Edit:
    """A way to change a report; ``make`` yields all texts that it can become."""

    name: str
    kind: Kind
    summary: str
    make: Callable[[str], Iterator[str]]

    def apply(self, text: str, seed: int = 0) -> str | None:
        """Return the edited text, or None where the edit does not apply.

        Of several places one is drawn: the same for the same text and seed, whatever else there is.
        """
        made = [one for one in dict.fromkeys(self.make(text)) if one.strip() and one != text]
        if not made:
            return None
        drawn = hashlib.sha256(f"{seed}/{self.name}/{text}".encode("utf-8", "surrogatepass"))
        return made[int.from_bytes(drawn.digest()[:8], "big") % len(made)]


def edits(names: list[str] | None = None) -> list[Edit]:
    """Return the edits of these names, or all.

    Raises
    ------
    InputError
        If there is none of a name.
    """
    if names is None:
        return list(EDITS.values())
    unknown = [name for name in names if name not in EDITS]
    if unknown or not names:
        what = f"Unknown edit {unknown[0]!r}" if unknown else "No edits are named"
        raise InputError(f"{what}. Known: {', '.join(EDITS)}.")
    return [EDITS[name] for name in dict.fromkeys(names)]


def _each_sentence(text: str, change: Callable[[str], str | None]) -> Iterator[str]:
    """Yield the text with one sentence changed, for every sentence that ``change`` changes."""
    pieces = sentences(text)
    for position, piece in enumerate(pieces):
        bare = piece.rstrip()
        changed = change(bare)
        if changed is not None and changed != bare:
            ending = piece[len(bare) :]
            yield "".join([*pieces[:position], changed + ending, *pieces[position + 1 :]])


def _without(text: str, drop: Callable[[str], bool]) -> Iterator[str]:
    """Yield the text without one sentence, for every one to drop; another must be left."""
    pieces = sentences(text)
    for position, piece in enumerate(pieces):
        if len(pieces) > 1 and drop(piece):
            yield "".join([*pieces[:position], *pieces[position + 1 :]]).rstrip()


def _negation(text: str) -> Iterator[str]:
    return _each_sentence(text, _flip)


def _flip(sentence: str) -> str | None:
    if _NO_NEGATION.search(sentence):
        return None
    found = _NEGATIONS.search(sentence)
    if found is not None:
        left = replaced(found.group(), _NEGATIONS, rules.NEGATIONS)
        before, after = sentence[: found.start()], sentence[found.end() :]
        if left:
            return before + left + after
        # "No effusion." becomes "Effusion."
        starts = found.group()[0].isupper()
        return before + (capitalised(after.lstrip()) if starts else after.lstrip())
    statement = _STATEMENT.search(sentence)
    if statement is None or not _FINDING.search(sentence) or _NEGATED.search(sentence):
        return None
    verb = " ".join(statement.group().split()[:2])
    return f"{sentence[: statement.start()]}{verb} no{sentence[statement.end() :]}"


def _side(text: str) -> Iterator[str]:
    def swap(one: str) -> str | None:
        return None if _BOTH_SIDES.search(one) else replaced(one, _SIDES, rules.SIDES)

    return _each_sentence(text, swap)


def _severity(text: str) -> Iterator[str]:
    def scale(one: str) -> str | None:
        vague = _NEGATED.search(one) or _RANGE.search(one) or not _FINDING.search(one)
        return None if vague else replaced(one, _SEVERITY, rules.SEVERITIES)

    return _each_sentence(text, scale)


def _temporal(text: str) -> Iterator[str]:
    def reverse(one: str) -> str | None:
        if _NO_CHANGE.search(one):
            return replaced(one, _NO_CHANGE, rules.NO_CHANGE)
        # a negated change has no one reverse, and a device does not get better or worse
        vague = _NO.search(one) or _DEVICE.search(one)
        return None if vague else replaced(one, _CHANGES, rules.CHANGES)

    return _each_sentence(text, reverse)


def _finding_removed(text: str) -> Iterator[str]:
    def finding(one: str) -> bool:
        return bool(_FINDING.search(one)) and not (_NEGATED.search(one) or _DEVICE.search(one))

    return _without(text, finding)


def _finding_invented(text: str) -> Iterator[str]:
    if not text.strip():
        return
    end = text.rstrip()
    stop = "" if end.endswith((".", "!", "?")) else "."
    for sentence, spoken_of in rules.INVENTED.items():
        if not whole_words(spoken_of).search(text):
            yield f"{end}{stop} {sentence}"


def _device_removed(text: str) -> Iterator[str]:
    def device(one: str) -> bool:
        more = _FINDING.search(one) or _NO.search(one) or _NO_DEVICE.search(one)
        return bool(_DEVICE.search(one)) and not more

    return _without(text, device)


def _synonym(text: str) -> Iterator[str]:
    return _one_phrase(text, _SYNONYMS, rules.SYNONYMS)


def _abbreviation(text: str) -> Iterator[str]:
    return _one_phrase(text, _ABBREVIATIONS, rules.ABBREVIATIONS)


def _one_phrase(text: str, pattern: re.Pattern[str], words: Mapping[str, str]) -> Iterator[str]:
    return _each_sentence(text, lambda one: replaced(one, pattern, words))


def _sentence_order(text: str) -> Iterator[str]:
    pieces = [piece.strip() for piece in sentences(text)]
    tied = _FOLLOWS.search(text) or any(_NUMBERED.match(piece) for piece in pieces)
    if len(pieces) > 1 and not tied and all(p.endswith((".", "!", "?")) for p in pieces):
        yield " ".join(reversed(pieces))


EDITS = {
    edit.name: edit
    for edit in (
        Edit("negation_flip", "meaning", "a negation dropped, or a finding negated", _negation),
        Edit("side_swap", "meaning", "left and right swapped in a sentence", _side),
        Edit("severity", "meaning", "a severity moved by two steps", _severity),
        Edit("temporal_reversal", "meaning", "a change over time reversed", _temporal),
        Edit("finding_removed", "meaning", "a finding's sentence left out", _finding_removed),
        Edit("finding_invented", "meaning", "a finding added", _finding_invented),
        Edit("device_removed", "meaning", "a device's sentence left out", _device_removed),
        Edit("synonym", "harmless", "a phrase replaced by one of the same meaning", _synonym),
        Edit("sentence_order", "harmless", "the sentences in reverse order", _sentence_order),
        Edit("abbreviation", "harmless", "a term abbreviated, or written out", _abbreviation),
    )
}
"""The edits by name."""
