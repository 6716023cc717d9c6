"""The matrices of pairwise differences, one per metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metrics.statistics import PairedComparison
from reports.number_format import count, p_value, shown, signed
from reports.ranking import is_significant
from reports.report_data import ReportData
from reports.score_columns import defined_columns


@dataclass(frozen=True)
class MatrixCell:
    """Row minus column; ``direction`` is ``better``, ``worse`` or empty (not told apart)."""

    difference: str
    p: str
    direction: str


@dataclass(frozen=True)
class PairRow:
    """One tested pair in full."""

    a: str
    b: str
    difference: str
    interval: str
    p_bootstrap: str
    p_randomisation: str
    p_holm: str
    units: str
    needed: str
    significant: bool


@dataclass(frozen=True)
class SignificanceMatrix:
    """All tests of one metric; a cell is None on the diagonal and where nothing was tested."""

    metric: str
    higher_is_better: bool
    systems: list[str]
    cells: list[list[MatrixCell | None]]
    pairs: list[PairRow]

    @property
    def n_significant(self) -> int:
        """Number of pairs whose difference holds after correction."""
        return sum(pair.significant for pair in self.pairs)


def significance(data: ReportData) -> list[SignificanceMatrix]:
    """Return one matrix per metric that was tested, in the order of the score table.

    Metrics without a score, and those that describe the test set alone, have none.
    """
    columns = [column for column in defined_columns(data.table) if not column.is_of_test_set]
    metrics = dict.fromkeys(column.metric for column in columns)
    tests = {metric: [c for c in data.comparisons if c.metric == metric] for metric in metrics}
    return [_matrix(metric, found, data) for metric, found in tests.items() if found]


def _matrix(metric: str, tests: Sequence[PairedComparison], data: ReportData) -> SignificanceMatrix:
    scores = [s.metrics[metric] for s in data.table.systems.values() if metric in s.metrics]
    percent = scores[0].percent if scores else False
    higher = scores[0].higher_is_better if scores else True
    involved = {name for test in tests for name in (test.a, test.b)}
    known = [name for name in data.table.systems if name in involved]
    systems = [*known, *sorted(involved.difference(known))]
    cells: dict[tuple[str, str], MatrixCell] = {}
    for test in tests:
        cells[test.a, test.b] = _cell(test, 1, percent, higher)
        cells[test.b, test.a] = _cell(test, -1, percent, higher)
    return SignificanceMatrix(
        metric=metric,
        higher_is_better=higher,
        systems=systems,
        cells=[[cells.get((row, column)) for column in systems] for row in systems],
        pairs=[_pair(test, percent) for test in tests],
    )


def _cell(test: PairedComparison, sign: int, percent: bool, higher: bool) -> MatrixCell:
    difference = sign * test.difference
    direction = ""
    if is_significant(test):
        direction = "better" if (difference > 0) == higher else "worse"
    return MatrixCell(signed(difference, percent), p_value(test.p_holm), direction)


def _pair(test: PairedComparison, percent: bool) -> PairRow:
    return PairRow(
        a=test.a,
        b=test.b,
        difference=signed(test.difference, percent),
        interval=f"{shown(test.low, percent)} to {shown(test.high, percent)}",
        p_bootstrap=p_value(test.p_bootstrap),
        p_randomisation=p_value(test.p_randomisation),
        p_holm=p_value(test.p_holm),
        units=count(test.n_units),
        needed=count(None if test.needed is None else test.needed.studies),
        significant=is_significant(test),
    )
