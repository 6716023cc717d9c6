"""Temporal direction: whether a report says of each finding that it changed the way it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from metrics.metric import FloatArray, Metric, MetricInfo, Output, Span, ratio
from metrics.samples import Samples, TestSet
from metrics.temporal.tuples import (
    CHANGES,
    FindingChange,
    all_finding_changes,
    distinct,
    finding_changes,
)
from metrics.texts import prediction_list, reference_lists

_Tuples = frozenset[tuple[str, str, str]]
_N = len(CHANGES)
_INDEX = {change: i for i, change in enumerate(CHANGES)}
_MISSED, _INVENTED = _N * _N, _N * _N + _N
_HAS_PREDICTED, _HAS_REFERENCE, _HAS_ANY, _HAS_SHARED = range(
    _N * _N + 2 * _N, _N * _N + 2 * _N + 4
)


@dataclass(frozen=True)
class DirectionConfusion:
    """What was said of the findings whose change the references tell.

    ``table[i, j]`` counts findings (with their side) that changed by ``changes[i]`` in the
    reference and by ``changes[j]`` in the prediction; ``missed`` and ``invented`` count the
    changes, in the same order, of which only the reference or only the prediction speaks.
    """

    changes: tuple[str, ...]
    table: NDArray[np.int64]
    missed: NDArray[np.int64]
    invented: NDArray[np.int64]


@dataclass(frozen=True)
class TemporalDirection(Metric):
    """Agreement on (finding, side, change), with change new, worse, better, unchanged or resolved.

    Tuples are extracted from the raw texts by rules and a lexicon (``docs/metrics/temporal.md``);
    "bilateral" is left and right, "stable" is unchanged, a larger effusion is worse and more
    aeration is better, "no new effusion" says nothing. Precision, recall and F1 are micro-averages
    over tuples; a tuple counts only if finding, side and change are all equal.
    ``temporal_direction_agreement`` is the share of equal changes among the findings and sides
    that have a change in both texts; ``temporal_direction_macro_f1`` the mean F1 over the changes
    that occur. All are undefined where nothing is there to count. Several references: the one
    with the best F1 for the sample, the first of equals.

    Source: ours.

    >>> scores = TemporalDirection().score(["Effusion has decreased."], ["Effusion is larger."])
    >>> scores["temporal_direction_f1"], scores["temporal_direction_agreement"]
    (0.0, 0.0)
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="temporal_direction",
        outputs=(
            Output("temporal_direction_precision", count_column=_HAS_PREDICTED),
            Output("temporal_direction_recall", count_column=_HAS_REFERENCE),
            Output("temporal_direction_f1", count_column=_HAS_ANY),
            Output("temporal_direction_agreement", count_column=_HAS_SHARED),
            Output("temporal_direction_macro_f1", count_column=_HAS_ANY),
        ),
        version=1,
        empty="has no tuple: every tuple of the other text is missed or invented",
        source="cxr-harness, docs/metrics/temporal.md",
    )

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 counts, shape (n, 39).

        Columns: the 5 × 5 confusion (reference change by predicted change) of findings with a
        change in both texts, 5 missed, 5 invented, and whether the sample has a predicted tuple,
        a reference tuple, any, a finding with a change in both.
        """
        predicted = samples.map_predictions("finding_changes", all_finding_changes)
        wanted = samples.regroup(samples.map_references("finding_changes", all_finding_changes))
        rows = np.zeros((len(samples), _HAS_SHARED + 1))
        for row, said, meant in zip(rows, predicted, wanted, strict=True):
            if said or any(meant):
                found, choices = distinct(said), list(map(distinct, meant))
                _count(row, found, _best(found, choices))
        return rows

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return precision, recall, F1, agreement and macro F1."""
        table = totals[..., :_MISSED].reshape(*totals.shape[:-1], _N, _N)
        equal = np.diagonal(table, axis1=-2, axis2=-1)
        wanted = table.sum(-1) + totals[..., _MISSED:_INVENTED]
        found = table.sum(-2) + totals[..., _INVENTED:_HAS_PREDICTED]
        matched = equal.sum(-1)
        by_change = ratio(2 * equal, wanted + found, undefined=0.0)
        occurring = (wanted + found > 0).sum(-1).astype(np.float64)
        return np.stack(
            [
                ratio(matched, found.sum(-1)),
                ratio(matched, wanted.sum(-1)),
                ratio(2 * matched, wanted.sum(-1) + found.sum(-1)),
                ratio(matched, table.sum((-2, -1))),
                ratio(by_change.sum(-1), occurring),
            ],
            axis=-1,
        )

    def confusion(self, totals: FloatArray) -> DirectionConfusion:
        """Return the confusion over changes from summed statistics, shape (k,)."""
        counts = np.rint(totals).astype(np.int64)
        return DirectionConfusion(
            CHANGES,
            counts[:_MISSED].reshape(_N, _N),
            counts[_MISSED:_INVENTED],
            counts[_INVENTED:_HAS_PREDICTED],
        )

    def spans(self, prediction: str, references: Sequence[str]) -> list[Span]:
        """Return finding and change words of every tuple; the first reference is the one shown."""
        found, wanted = finding_changes(prediction), finding_changes(references[0])
        said, true = {_tuple(c) for c in found}, {_tuple(c) for c in wanted}
        return [
            *(
                Span("prediction", *at, "matched" if _tuple(c) in true else "invented", c.label)
                for c in found
                for at in _places(c)
            ),
            *(
                Span("reference", *at, "matched" if _tuple(c) in said else "missed", c.label)
                for c in wanted
                for at in _places(c)
            ),
        ]


def direction_confusion(
    predictions: Sequence[str], references: Sequence[str | Sequence[str]]
) -> DirectionConfusion:
    """Return which changes were mistaken for which, missed and invented.

    Raises
    ------
    InputError
        If the lists differ in length or hold something that is no text.

    >>> confusion = direction_confusion(["Edema is worse."], ["Edema has improved."])
    >>> better, worse = map(confusion.changes.index, ("better", "worse"))
    >>> int(confusion.table[better, worse])
    1
    """
    lists = reference_lists(references)
    test_set = TestSet([str(i) for i in range(len(lists))], lists)
    samples = Samples.of(prediction_list(predictions), test_set)
    metric = TemporalDirection()
    return metric.confusion(metric.statistics(samples).sum(axis=0))


def _best(found: _Tuples, choices: Sequence[_Tuples]) -> _Tuples:
    return max(choices, key=lambda wanted: _f1(found, wanted))


def _f1(found: _Tuples, wanted: _Tuples) -> float:
    total = len(found) + len(wanted)
    return 2 * len(found & wanted) / total if total else 1.0


def _count(row: FloatArray, found: _Tuples, wanted: _Tuples) -> None:
    """Fill a row; where a key has several changes, equal ones pair first, the rest in order."""
    keys = sorted({(finding, side) for finding, side, _ in found | wanted})
    for finding, side in keys:
        said = [c for c in CHANGES if (finding, side, c) in found]
        true = [c for c in CHANGES if (finding, side, c) in wanted]
        both = [c for c in true if c in said]
        said, true = [c for c in said if c not in both], [c for c in true if c not in both]
        pairs = list(zip(true, said, strict=False))
        for reference, predicted in [*((c, c) for c in both), *pairs]:
            row[_INDEX[reference] * _N + _INDEX[predicted]] += 1
        for change in true[len(pairs) :]:
            row[_MISSED + _INDEX[change]] += 1
        for change in said[len(pairs) :]:
            row[_INVENTED + _INDEX[change]] += 1
    row[_HAS_PREDICTED] = bool(found)
    row[_HAS_REFERENCE] = bool(wanted)
    row[_HAS_ANY] = bool(found or wanted)
    row[_HAS_SHARED] = row[:_MISSED].any()


def _tuple(change: FindingChange) -> tuple[str, str, str]:
    return change.finding, change.side, change.change


def _places(change: FindingChange) -> list[tuple[int, int]]:
    return sorted({change.finding_span, change.change_span})
