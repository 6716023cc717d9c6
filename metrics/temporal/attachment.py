"""Joins changes to findings, and sides to both, within one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from metrics.temporal import lexicon as lexicon
from metrics.temporal.marks import Mark, Sentence

_JOINTS = ("comma", "with", "or", "and", "break")  # the later one wins where two meet
_PLURAL = frozenset(["are", "were", "have"])


class Hit(NamedTuple):
    """A finding, its sides and what is said of it; ``name`` overrides the finding's own."""

    finding: Mark
    change: Mark
    sides: frozenset[str]
    name: str = ""


@dataclass(slots=True)
class _Piece:
    """Marks between two separators; ``joint`` is the separator before it."""

    joint: str
    first: int  # its first word in the sentence
    marks: list[Mark] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Mark]:
        return [mark for mark in self.marks if mark.kind in kinds]


def attach(sentence: Sentence) -> list[Hit]:
    """Return every finding of the sentence together with the changes that reach it."""
    pieces = _pieces(sentence.marks)
    _give_sides(pieces)
    hits: list[Hit] = []
    for i, piece in enumerate(pieces):
        for mark in piece.marks:
            if mark.kind == "compound":
                hits.append(Hit(mark, mark, frozenset(mark.sides), mark.value.split()[0]))
            elif mark.kind == "change":
                group = _group(sentence, pieces, i, mark)
                hits += _with_sides(mark, group)
    return hits


def _pieces(marks: list[Mark]) -> list[_Piece]:
    pieces = [_Piece("", 0)]
    for i, mark in enumerate(marks):
        if mark.kind not in _JOINTS:
            pieces[-1].marks.append(mark)
        elif not pieces[-1].marks:
            pieces[-1].joint = max(pieces[-1].joint, mark.kind, key=("", *_JOINTS).index)
            pieces[-1].first = mark.stop
        elif not _joins_sides(marks, i):
            pieces.append(_Piece(mark.kind, mark.stop))
    return pieces


def _joins_sides(marks: list[Mark], i: int) -> bool:
    """Tell the "and" of "left and right" from one between statements."""
    if marks[i].kind not in ("and", "or"):
        return False
    following = [m for m in marks[i + 1 : i + 3] if m.kind != "preposition"][:1]
    return marks[i - 1].kind == "side" and bool(following) and following[0].kind == "side"


def _give_sides(pieces: list[_Piece]) -> None:
    for i, piece in enumerate(pieces):
        for j, mark in enumerate(piece.marks):
            if mark.kind == "side":
                owner = _owner(pieces, i, j)
                if owner is not None:
                    owner.sides.add(mark.value)


def _owner(pieces: list[_Piece], i: int, j: int) -> Mark | None:
    """Return the finding or change that the side at mark ``j`` of piece ``i`` belongs to."""
    marks = pieces[i].marks
    located = j > 0 and marks[j - 1].kind == "preposition"
    before = [m for m in marks[:j] if m.kind in ("finding", "change", "compound")]
    after = [m for m in marks[j + 1 :] if m.kind in ("finding", "compound")]
    if after and not (located and before and before[-1].kind == "finding"):
        return after[0]
    if before:
        # After "effusion has decreased on the left" the side narrows the change, not the finding.
        return before[-1]
    if changes := [m for m in marks[j + 1 :] if m.kind == "change"]:
        return changes[0]
    earlier = [m for p in reversed(pieces[:i]) for m in reversed(p.of("finding", "compound"))]
    later = [m for p in pieces[i + 1 :] for m in p.of("finding", "compound")]
    order = [*earlier[:1], *later[:1]] if located and earlier else [*later[:1], *earlier[:1]]
    return order[0] if order else None


def _group(sentence: Sentence, pieces: list[_Piece], i: int, change: Mark) -> list[Mark]:
    """Return the findings that a change in piece ``i`` is about."""
    marks = pieces[i].marks
    at = next(k for k, mark in enumerate(marks) if mark is change)
    before = [m for m in _since_change(marks[:at]) if m.kind == "finding"]
    after = [m for m in _until_change(marks[at + 1 :], change) if m.kind == "finding"]
    verb_between = bool(before) and any(
        m.kind == "verb" and m.first >= before[-1].stop for m in marks[:at]
    )
    if after and not verb_between and (not before or _leads(marks[at + 1 :])):
        return _said(after) + _forward(sentence, pieces, i, after[-1])
    if before:
        return _said(before) + _backward(pieces, i)
    return _without_own_finding(sentence, pieces, i, change)


def _since_change(marks: list[Mark]) -> list[Mark]:
    start = max((k + 1 for k, mark in enumerate(marks) if mark.kind == "change"), default=0)
    return marks[start:] if any(m.kind == "finding" for m in marks[start:]) else marks


def _until_change(marks: list[Mark], change: Mark) -> list[Mark]:
    stop = next((k for k, mark in enumerate(marks) if mark.kind == "change"), len(marks))
    reach = marks[:stop] if any(m.kind == "finding" for m in marks[:stop]) else marks
    for k, mark in enumerate(reach):
        # "New, likely small effusion" reaches its finding, "new opacity, likely edema" does not.
        if mark.kind == "supposed" and mark.first > change.stop:
            return reach[:k]
    return reach


def _leads(marks: list[Mark]) -> bool:
    """Whether the change stands right before a finding, as an adjective does."""
    return next((m.kind for m in marks if m.kind != "side"), "") in ("finding", "preposition")


def _said(findings: Iterable[Mark]) -> list[Mark]:
    """Return the findings that are there; supposed ones ("likely edema") for want of others."""
    present = [mark for mark in findings if not mark.negated]
    return [mark for mark in present if not mark.supposed] or present


def _forward(sentence: Sentence, pieces: list[_Piece], i: int, last: Mark) -> list[Mark]:
    """Return the further findings of a list that opens with the change: "stable A, B and C"."""
    if any(m.kind == "verb" and m.first >= last.stop for m in pieces[i].marks):
        return []
    reached: list[Mark] = []
    pending: list[Mark] = []
    for piece in pieces[i + 1 :]:
        if piece.joint not in ("comma", "and", "or") or not _continues(sentence, piece):
            break
        if any(m.supposed for m in piece.of("finding")) and not last.supposed:
            break
        pending += piece.of("finding")
        if piece.joint != "comma":  # a list counts once its "and" has come
            reached, pending = reached + pending, []
    return _said(reached)


def _continues(sentence: Sentence, piece: _Piece) -> bool:
    stops = piece.of("change", "compound", "no", "not", "there")
    verbs = {sentence.words[mark.first] for mark in piece.of("verb")}
    return bool(piece.of("finding")) and not stops and verbs <= _PLURAL


def _backward(pieces: list[_Piece], i: int) -> list[Mark]:
    """Return the earlier findings of a list that ends in the change: "A, B and C are stable"."""
    reached: list[Mark] = []
    listed = False
    for k in range(i, 0, -1):
        joint = pieces[k].joint
        listed = listed or joint in ("and", "or")
        earlier = pieces[k - 1]
        linked = joint in ("and", "or", "with") or (joint == "comma" and listed)
        if not linked or not earlier.of("finding") or earlier.of("change", "verb", "compound"):
            break
        reached = earlier.of("finding") + reached
    return _said(reached)


def _without_own_finding(
    sentence: Sentence, pieces: list[_Piece], i: int, change: Mark
) -> list[Mark]:
    """Return the findings for a change that stands alone between separators."""
    following = pieces[i + 1] if i + 1 < len(pieces) else None
    modifies = following is not None and following.joint in ("and", "or", "comma")
    if following is not None and modifies and not pieces[i].of("verb"):
        opens = [m for m in following.marks if m.kind in ("finding", "change", "verb")][:2]
        kinds = [mark.kind for mark in opens]
        if kinds == ["change", "finding"]:  # "stable or improved effusion"
            return _said(following.of("finding"))
    listed = pieces[i].joint in ("and", "or") and not pieces[i - 1].of("verb")
    if not listed and _speaks_of_another(sentence, pieces[i]):
        return []
    if pieces[i].of("verb") or not _modifies_unknown(sentence, change):
        group = _nearest_before(pieces, i)
        if group:
            return group
    return _nearest_after(sentence, pieces, i)


def _modifies_unknown(sentence: Sentence, change: Mark) -> bool:
    """Whether the change is the adjective of a noun that the lexicon does not hold."""
    if change.stop - change.first > 1:
        return False
    following = sentence.words[change.stop : change.stop + 1]
    known = any(mark.first == change.stop for mark in sentence.marks)
    return bool(following) and not known and following[0] not in lexicon.FOLLOWERS


def _speaks_of_another(sentence: Sentence, piece: _Piece) -> bool:
    """Whether the piece has a subject of its own: "... ; the right lung remains clear"."""
    verbs = [mark for mark in piece.of("verb") if mark.first > piece.first]
    if not verbs:
        return False
    known = {i for mark in piece.marks for i in range(mark.first, mark.stop)}
    subject = {
        word
        for i, word in enumerate(sentence.words[piece.first : verbs[0].first], piece.first)
        if i not in known
    }
    return not subject <= lexicon.FOLLOWERS and lexicon.PRONOUNS.isdisjoint(subject)


def _nearest_before(pieces: list[_Piece], i: int) -> list[Mark]:
    for k in range(i - 1, -1, -1):
        if pieces[k].of("finding"):
            own = _said(pieces[k].of("finding"))
            if all(m.supposed for m in own) and k:
                continue
            return own + _backward(pieces, k)
    return []


def _nearest_after(sentence: Sentence, pieces: list[_Piece], i: int) -> list[Mark]:
    for k in range(i + 1, len(pieces)):
        if findings := pieces[k].of("finding"):
            if pieces[k].of("change"):
                return []
            return _said(findings) + _forward(sentence, pieces, k, findings[-1])
    return []


def _with_sides(change: Mark, group: list[Mark]) -> list[Hit]:
    """Carry a side along a list: "left effusion and atelectasis", "A and B on the left"."""
    group = sorted(group, key=lambda mark: mark.first)
    if change.sides:
        return [Hit(mark, change, frozenset(change.sides)) for mark in group]
    sides = [mark.sides for mark in group]
    for k in range(1, len(sides)):
        sides[k] = sides[k] or sides[k - 1]
    for k in range(len(sides) - 2, -1, -1):
        sides[k] = sides[k] or sides[k + 1]
    return [Hit(mark, change, frozenset(s)) for mark, s in zip(group, sides, strict=True)]
