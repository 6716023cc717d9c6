"""Decides which change words of a sentence are changes over time, and undoes negation."""

from __future__ import annotations

from metrics.temporal import lexicon as lexicon
from metrics.temporal.marks import Mark, Sentence

_FAR = 8  # words; a "no" further away belongs to something else
_BARE = frozenset(["increased", "decreased", "increase", "reduced", "diminished", "greater"])
_HAVE = frozenset(["has", "have", "had"])


def settle(sentence: Sentence) -> None:
    """Set each change mark's meaning, remove those that are none, flag negated findings."""
    marks = sentence.marks
    for i, mark in enumerate(marks):
        if mark.kind == "change":
            mark.change = _meaning(sentence, i)
        elif mark.kind == "compound" and not _negation(sentence, i):
            mark.change = mark.value.split()[1]
    _flag_findings(marks)
    sentence.marks = [m for m in marks if m.kind not in ("change", "compound") or m.change]
    _whole_chest(sentence)


def _meaning(sentence: Sentence, i: int) -> str:
    mark = sentence.marks[i]
    words = sentence.words
    sense = mark.value
    mark.bare = words[mark.first] in _BARE and _HAVE.isdisjoint(
        words[max(0, mark.first - 3) : mark.first]
    )
    if _describes_one_image(sentence, i) or _is_an_aim(words, mark):
        return ""
    if sense == "absent":
        return "gone" if not lexicon.PAST.isdisjoint(sentence.known) else ""
    negation = _negation(sentence, i)
    if sense == "change":
        between = words[negation.stop : mark.first] if negation else ["none"]
        return "same" if lexicon.DEGREES.issuperset(between) else ""
    if sense == "gone":
        return _how_far_gone(words, mark, negation)
    if not negation:
        return sense
    if mark.weak or sense == "new" or words[mark.first] == "little":
        return ""
    if negation.kind == "no" and _qualifies(sentence.marks[i + 1 :]):
        return ""  # "no enlarging effusion" may deny the effusion
    # "No increase" and "not worse" say that no such difference is seen; "not stable" says nothing.
    return "same" if sense != "same" else ""


def _qualifies(following: list[Mark]) -> bool:
    """Whether the change is an adjective right before its finding."""
    return following[:1] != [] and following[0].kind in ("finding", "side", "or", "and")


def _how_far_gone(words: list[str], mark: Mark, negation: Mark | None) -> str:
    before = words[max(0, mark.first - 3) : mark.first]
    if negation and not lexicon.WHOLLY.isdisjoint(before):
        return "better"
    if negation:
        return "same"
    return "better" if not lexicon.PARTLY.isdisjoint(before) else "gone"


def _describes_one_image(sentence: Sentence, i: int) -> bool:
    """Tell comparatives of place ("larger on the left than right") from those of time."""
    mark, words = sentence.marks[i], sentence.words
    word = words[mark.first]
    if word not in lexicon.COMPARATIVES:
        return False
    after = words[mark.stop : mark.stop + 7]
    after = after[: next((k for k, word in enumerate(after) if not word[0].isalnum()), 7)]
    if "than" in after:
        return lexicon.EVIDENCE.isdisjoint(after) and {"was", "were"}.isdisjoint(after)
    if word in ("more", "less") and mark.stop - mark.first == 1:
        following = sentence.marks[i + 1 : i + 2]
        return not (following and following[0].kind == "finding" and _near(mark, following[0]))
    stated = word in ("worse", "better", "smaller") and sentence.marks[i - 1].kind == "verb"
    if stated or sentence.compares:
        return False
    placed = after[:1] in (["on"], ["at"], ["in"], ["within"])
    return placed and (
        not lexicon.PLACES.isdisjoint(after[1:4]) or bool({"left", "right"} & set(after[1:4]))
    )


def _near(mark: Mark, other: Mark) -> bool:
    return other.first - mark.stop <= 1


def _is_an_aim(words: list[str], mark: Mark) -> bool:
    """Tell "follow up to resolution" from "resolution"."""
    before = words[max(0, mark.first - 2) : mark.first]
    return words[mark.first] in lexicon.AIM_WORDS and bool(lexicon.AIMS.intersection(before))


def _negation(sentence: Sentence, i: int) -> Mark | None:
    """Return the "no" or "not" that governs mark ``i``; "no A or new B" reaches across A."""
    marks = sentence.marks
    across = False
    for j in range(i - 1, -1, -1):
        mark = marks[j]
        if mark.kind in ("no", "not"):
            near = across or marks[i].first - mark.stop <= _FAR
            return mark if near else None
        if mark.kind == "or":
            across = True
        elif mark.kind in ("finding", "comma"):
            if not across:
                return None
        elif mark.kind == "verb":
            if not any(m.kind == "not" for m in marks[max(0, j - 1) : j]):
                return None
        elif mark.kind in ("and", "with", "break", "supposed", "compound", "there"):
            return None
    return None


def _flag_findings(marks: list[Mark]) -> None:
    negated = supposed = False
    for i, mark in enumerate(marks):
        if mark.kind == "no":
            following = [m for m in marks[i + 1 :] if m.kind not in ("side", "preposition")]
            negated = bool(following) and following[0].kind == "finding"
        elif mark.kind == "supposed":
            supposed = True
        elif mark.kind in ("verb", "break", "and", "with"):
            negated = False
            supposed = supposed and mark.kind == "and"
        elif mark.kind == "comma":
            negated = negated and _list_goes_on(marks[i + 1 :])
            supposed = False
        elif mark.kind == "finding":
            mark.negated, mark.supposed = negated, supposed


def _list_goes_on(marks: list[Mark]) -> bool:
    for mark in marks:
        if mark.kind == "or":
            return True
        if mark.kind in ("verb", "break", "and", "with"):
            return False
    return False


def _whole_chest(sentence: Sentence) -> None:
    """Let "no interval change" and "otherwise unchanged", of nothing named, be about the chest."""
    marks = sentence.marks
    named = any(mark.kind in ("finding", "compound") for mark in marks)
    for i, mark in enumerate(marks):
        if mark.kind != "change" or mark.change != "same" or _names_more(marks[i + 1 :]):
            continue
        before = sentence.words[max(0, mark.first - 4) : mark.first]
        if _of_something(sentence.words[mark.stop : mark.stop + 3]):
            continue
        if "otherwise" in before or (mark.value == "change" and not named):
            mark.kind, mark.value = "compound", "chest same"


def _of_something(words: list[str]) -> bool:
    """Whether the change is said of a noun that the lexicon does not hold."""
    return words[:1] in (["in"], ["of"]) and not {"interval", "interim"} & set(words)


def _names_more(marks: list[Mark]) -> bool:
    return any(mark.kind in ("finding", "side") for mark in marks)
