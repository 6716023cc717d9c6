"""Finds where a report speaks of an earlier study, or of what has changed since.

Three kinds of statement count (``docs/metrics/temporal.md`` has the table with examples):

1. *A comparison study is named*: "compared with the prior radiograph", "since 2009", "previously
   seen", "in the interval", "as before". Whatever it is about, devices too.
2. *A finding is said to have changed or not*: every statement that `temporal_tuples` extracts,
   except on devices, and except a bare "increased opacity", which may describe one image.
3. *The examination, or something unnamed, is followed*: "stable", "unchanged", "again seen", in a
   sentence that holds no device and no trace of surgery.

What does not count: that there is nothing to compare with, advice ("comparison with prior films is
recommended"), earlier disease or surgery ("prior granulomatous disease"), "no new opacity".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from re import Match

from metrics.temporal.marks import lower_in_place, sentence_bounds, word_list
from metrics.temporal.prior_phrases import (
    ADVICE,
    CUES,
    GENERAL,
    HARDWARE,
    NAMED,
    NONE_GIVEN,
    NOTHING,
)
from metrics.temporal.tuples import FindingChange, finding_changes

_Span = tuple[int, int]


def comparison_statements(text: str, changes: Sequence[FindingChange] | None = None) -> list[_Span]:
    """Return where the text speaks of a prior study, as character spans in order.

    ``changes`` are the text's `finding_changes`, where they are known already.

    >>> comparison_statements("Stable cardiomegaly.")
    [(0, 6)]
    >>> comparison_statements("No prior for comparison. Sternotomy wires again noted.")
    []
    """
    lowered = lower_in_place(text)
    found = finding_changes(text) if changes is None else changes
    telling = [c.change_span for c in found if not (c.device or c.bare)]
    spans: set[_Span] = set()
    for start, end in sentence_bounds(lowered):
        own = [(a - start, b - start) for a, b in telling if start <= a < end]
        spans |= {(start + a, start + b) for a, b in _in_sentence(lowered[start:end], own)}
    return _merged(spans)


def speaks_of_prior(text: str) -> bool:
    """Whether the report makes at least one comparison statement.

    >>> speaks_of_prior("No change."), speaks_of_prior("No new consolidation.")
    (True, False)
    """
    return bool(comparison_statements(text))


def context_mentions_comparison(context: Mapping[str, str]) -> bool | None:
    """Whether what the model was told besides the images names a study to compare with.

    A ``comparison`` section decides where there is one: "None." and its like say no, all else, a
    date or a redacted word, says yes. Otherwise a section that names a prior study says yes.
    None if there is no text at all.

    >>> context_mentions_comparison({"indication": "Cough.", "comparison": "None."})
    False
    """
    sections = {name.lower(): text.strip() for name, text in context.items() if text.strip()}
    if not sections:
        return None
    if own := sections.get("comparison") or sections.get("comparisons"):
        return NONE_GIVEN.match(own.lower()) is None
    return any(_names_study(lower_in_place(text)) for text in sections.values())


def _in_sentence(sentence: str, changes: Sequence[_Span]) -> list[_Span]:
    if not changes and CUES.isdisjoint(word_list(sentence)):
        return []
    sentence = NOTHING.sub(_blank, sentence)
    named = [match.span() for match in NAMED.finditer(sentence)]
    said = [*changes, *_general(sentence)]
    advice = ADVICE.search(sentence)
    if advice is None:
        return named + said
    # "Stable since 2009, follow-up recommended" compares; advice, and what follows it, does not.
    said = [span for span in said if span[0] < advice.start()]
    return named + said if said else []


def _general(sentence: str) -> list[_Span]:
    found = [match.span() for match in GENERAL.finditer(sentence)]
    return [] if not found or HARDWARE.search(sentence) else found


def _names_study(text: str) -> bool:
    sentences = (text[start:end] for start, end in sentence_bounds(text))
    return any(NAMED.search(NOTHING.sub(_blank, sentence)) for sentence in sentences)


def _blank(match: Match[str]) -> str:
    return " " * len(match.group())


def _merged(spans: set[_Span]) -> list[_Span]:
    merged: list[_Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
