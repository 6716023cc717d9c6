"""The leaderboard and the forest plots of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from metrics.conditions import snake_case
from metrics.results import Score
from reports.number_format import interval, shown
from reports.plots import ForestPlot, forest_plot
from reports.ranking import Rank, ranks
from reports.report_data import ReportData, Verdict
from reports.score_columns import Column, defined_columns, undefined_columns


@dataclass(frozen=True)
class ScoreCell:
    """A score as shown: ``sort_key`` is empty where it is undefined or absent."""

    value: str
    interval: str
    sort_key: str
    n: int | None = None
    rank: str = ""
    best: bool = False


@dataclass(frozen=True)
class ColumnHead:
    """A column with what is said under its name.

    ``n`` where all its scores share one; ``prevalence`` where it is a CheXpert condition's.
    """

    column: Column
    n: int | None
    prevalence: float | None = None

    def usual(self, n: int) -> int:
        """Return the n that needs no mention in the column's cells."""
        return n if self.n is None else self.n


@dataclass(frozen=True)
class LeaderboardRow:
    """One system's line; the verdict is shown beside the name unless it is ``sound``."""

    system: str
    n: int
    verdict: Verdict | None
    cells: list[ScoreCell]


@dataclass(frozen=True)
class Leaderboard:
    """The table, the plots, and whether every metric, some or none could be ranked.

    ``undefined`` names the metrics left out because no system has a score, with the reason.
    """

    columns: list[ColumnHead]
    rows: list[LeaderboardRow]
    ranked: str
    plots: list[ForestPlot]
    undefined: str


def score_cell(score: Score | None, n: int | None = None, rank: Rank | None = None) -> ScoreCell:
    """Return the cell of a score; its own n is shown where ``n`` is given and another."""
    if score is None:
        return ScoreCell("", "", "")
    return ScoreCell(
        value=shown(score.score, score.percent),
        interval=interval(score),
        sort_key=repr(score.score) if math.isfinite(score.score) else "",
        n=score.n if n is not None and score.n != n else None,
        rank=rank.text if rank else "",
        best=bool(rank and rank.place == 1 and not rank.tied),
    )


def leaderboard(data: ReportData) -> Leaderboard:
    """Return what the leaderboard and forest sections show."""
    table = data.table
    columns = defined_columns(table)
    heads = [column_head(column, table.n, data) for column in columns]
    by_column = [_ranks(column, columns, data) for column in columns]
    rankable = [
        found for column, found in zip(columns, by_column, strict=True) if not column.is_of_test_set
    ]
    verdicts = {one.system: one.verdict for one in data.soundness}
    rows = [
        LeaderboardRow(
            name,
            scores.n,
            verdicts.get(name),
            [
                score_cell(head.column.of(scores), head.usual(table.n), found.get(name))
                for head, found in zip(heads, by_column, strict=True)
            ],
        )
        for name, scores in table.systems.items()
    ]
    return Leaderboard(
        heads, rows, _how_many(rankable), _plots(columns, data), undefined_metrics(data)
    )


def column_head(column: Column, usual_n: int | None, data: ReportData) -> ColumnHead:
    """Return the head of a column; its n is given where all systems share it and it is unusual."""
    found = [column.of(system) for system in data.table.systems.values()]
    numbers = {score.n for score in found if score is not None}
    shared = numbers.pop() if len(numbers) == 1 else None
    return ColumnHead(column, shared if shared != usual_n else None, _prevalence(column, data))


def _prevalence(column: Column, data: ReportData) -> float | None:
    rows = data.conditions[0].rows if data.conditions else ()
    return next(
        (
            row.scores["prevalence"].score
            for row in rows
            if column.output == f"chexbert_f1_{snake_case(row.condition)}"
        ),
        None,
    )


def _ranks(column: Column, columns: Sequence[Column], data: ReportData) -> dict[str, Rank]:
    if column.is_of_test_set:
        return {}
    if sum(other.metric == column.metric for other in columns) > 1:
        return {}  # tests are kept by metric name, which is not enough to tell these apart
    scores = {name: column.of(system) for name, system in data.table.systems.items()}
    scored = [name for name, s in scores.items() if s is not None and math.isfinite(s.score)]
    tests = [c for c in data.comparisons if c.metric == column.metric]
    return ranks(scored, tests, column.higher_is_better)


def _how_many(by_column: Sequence[dict[str, Rank]]) -> str:
    ranked = sum(bool(found) for found in by_column)
    return "none" if not ranked else "all" if ranked == len(by_column) else "some"


def undefined_metrics(data: ReportData) -> str:
    """Return the metrics that no system has a score on, e.g. ``a, b (why)``; may be empty."""
    columns = undefined_columns(data.table)
    prior = [column for column in columns if column.output.startswith("prior_hallucination")]
    others = [column.name for column in columns if column not in prior]
    names = ", ".join(column.name for column in prior)
    # where the rate over all studies is defined, only a stratum of them is empty
    if any(column.output == "prior_hallucination" for column in prior):
        names += f" ({_no_prior_is_known(data)})"
    return "; ".join(filter(None, [", ".join(others), names]))


def _no_prior_is_known(data: ReportData) -> str:
    reason = "no study is known to lack a prior"
    if any("has_prior" in study.tags for study in data.studies):
        return reason
    return f"{reason}: prior_images or prior is not given"


def _plots(columns: Sequence[Column], data: ReportData) -> list[ForestPlot]:
    plots = []
    for column in columns:
        if column.is_of_test_set:
            continue
        found = {name: column.of(system) for name, system in data.table.systems.items()}
        plot = forest_plot(column.name, {k: s for k, s in found.items() if s is not None})
        if plot is not None:
            plots.append(plot)
    return plots
