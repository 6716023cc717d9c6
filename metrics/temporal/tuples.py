"""Which findings a report says changed, on which side and how.

Sentence by sentence: known words become marks, changes are checked (negation, comparisons within
one image, aims), marks are cut into pieces at commas, conjunctions and clause breaks, sides go to
the findings next to them, and each change reaches the findings before or after it. The rules are
written out in ``docs/metrics/temporal.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from metrics.temporal import lexicon as lexicon
from metrics.temporal.attachment import Hit, attach
from metrics.temporal.changes import settle
from metrics.temporal.marks import Sentence, changing_sentences

CHANGES = ("new", "worse", "better", "unchanged", "resolved")

_FINDINGS = {finding.name: finding for finding in lexicon.FINDINGS}
_PLAIN = {
    "better": "better",
    "worse": "worse",
    "same": "unchanged",
    "new": "new",
    "gone": "resolved",
}
_OPPOSITE = {"better": "worse", "worse": "better"}
_SIDES = {"left": ("left",), "right": ("right",), "both": ("left", "right")}


class FindingChange(NamedTuple):
    """One statement of change.

    ``side`` is ``left``, ``right`` or ``none``; ``change`` is one of `CHANGES`. The spans are
    characters of the raw text. ``bare`` marks "increased X" without any word of time where X is a
    quantity that every chest has: the image alone may be meant. ``device`` marks tubes, lines and
    pacemakers.
    """

    finding: str
    side: str
    change: str
    finding_span: tuple[int, int]
    change_span: tuple[int, int]
    bare: bool
    device: bool

    @property
    def key(self) -> tuple[str, str]:
        """The finding and its side."""
        return self.finding, self.side

    @property
    def label(self) -> str:
        """The tuple in words, e.g. ``effusion left: worse``."""
        side = "" if self.side == "none" else f" {self.side}"
        return f"{self.finding}{side}: {self.change}"


def finding_changes(text: str) -> list[FindingChange]:
    """Return the statements of change in a raw text, in reading order.

    >>> [c.label for c in finding_changes("Left effusion has decreased; no new consolidation.")]
    ['effusion left: better']
    """
    return [change for sentence in changing_sentences(text) for change in _in_sentence(sentence)]


def change_tuples(text: str) -> frozenset[tuple[str, str, str]]:
    """Return the distinct (finding, side, change) of a raw text.

    >>> sorted(change_tuples("Bilateral effusions are unchanged."))
    [('effusion', 'left', 'unchanged'), ('effusion', 'right', 'unchanged')]
    """
    return distinct(finding_changes(text))


def distinct(changes: Iterable[FindingChange]) -> frozenset[tuple[str, str, str]]:
    """Return the (finding, side, change) of the statements, each once."""
    return frozenset((c.finding, c.side, c.change) for c in changes)


def all_finding_changes(texts: list[str]) -> list[list[FindingChange]]:
    """Return `finding_changes` of each text; metrics share the result as ``finding_changes``."""
    return list(map(finding_changes, texts))


def _in_sentence(sentence: Sentence) -> Iterable[FindingChange]:
    settle(sentence)
    statements = [s for hit in attach(sentence) for s in _statements(hit, sentence.compares)]
    # Two names of one finding side by side ("IJ catheter") are one statement.
    by_label: dict[str, FindingChange] = {}
    for change in _strongest(statements):
        by_label.setdefault(change.label, change)
    return by_label.values()


_Statement = tuple[FindingChange, bool]


def _statements(hit: Hit, compares: bool) -> Iterator[_Statement]:
    name = hit.name or hit.finding.value
    finding = _FINDINGS[name]
    change = _PLAIN.get(hit.change.change) or _by_size(hit.change.change, finding.more)
    if not change or (finding.device and change in _OPPOSITE):
        return
    bare = hit.finding.quantity and hit.change.bare and not compares
    if bare and not finding.bare_counts:
        return
    sides = sorted({side for s in hit.sides for side in _SIDES[s]}) if finding.lateral else []
    spans = (hit.finding.start, hit.finding.end), (hit.change.start, hit.change.end)
    for side in sides or ["none"]:
        found = FindingChange(name, side, change, *spans, bare, finding.device)
        yield found, hit.change.weak


def _by_size(sense: str, more: str) -> str:
    return more if sense == "more" else _OPPOSITE.get(more, "")


def _strongest(statements: Iterable[_Statement]) -> Iterator[FindingChange]:
    """Drop, finding by finding, what a stronger word of the sentence overrules.

    "Persistent but improved" is better, and so is "stable to improved".
    """
    groups: dict[tuple[int, str], list[_Statement]] = {}
    for change, weak in statements:
        groups.setdefault((change.finding_span[0], change.side), []).append((change, weak))
    for group in groups.values():
        strong = [change for change, weak in group if not weak] or [change for change, _ in group]
        moving = [change for change in strong if change.change != "unchanged"]
        yield from moving or strong
