"""Ranks that show ties: a system ranks behind only those that are significantly better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from metrics.statistics import PairedComparison

ALPHA = 0.05


@dataclass(frozen=True)
class Rank:
    """Place of a system on one metric; ``tied`` where another system has the same place."""

    place: int
    tied: bool

    @property
    def text(self) -> str:
        """The place as printed: ``1``, or ``1=`` where it is shared."""
        return f"{self.place}=" if self.tied else str(self.place)


def is_significant(comparison: PairedComparison) -> bool:
    """Return whether the difference holds after Holm's correction, and its interval leaves out 0.

    The randomisation test alone tells two systems apart that are equally good but not
    exchangeable, such as two precisions over very different numbers of statements.
    """
    holds_zero = comparison.low <= 0 <= comparison.high
    return comparison.p_holm < ALPHA and comparison.difference != 0 and not holds_zero


def ranks(
    systems: Sequence[str], comparisons: Sequence[PairedComparison], higher_is_better: bool
) -> dict[str, Rank]:
    """Return each system's rank on one metric; nothing where a pair was not tested.

    A rank is one plus the number of systems that are significantly better, so a chain of
    overlapping systems may share a rank although its ends differ.

    Parameters
    ----------
    systems
        Systems with a score on the metric.
    comparisons
        Tests of this metric only.
    """
    tested = [c for c in comparisons if math.isfinite(c.p_holm)]
    pairs = {frozenset((c.a, c.b)) for c in tested}
    wanted = {frozenset((a, b)) for a in systems for b in systems if a != b}
    if len(systems) < 2 or not wanted <= pairs:
        return {}
    places = dict.fromkeys(systems, 1)
    for comparison in filter(is_significant, tested):
        a_is_better = (comparison.difference > 0) == higher_is_better
        loser = comparison.b if a_is_better else comparison.a
        if {comparison.a, comparison.b} <= places.keys():
            places[loser] += 1
    taken = list(places.values())
    return {name: Rank(place, taken.count(place) > 1) for name, place in places.items()}
