"""What the prior image is worth: one sentence per model, two plots, and every metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from metrics.results import Score
from reports.leaderboard import TerminalTable
from reports.number_format import count, digits, shown, signed
from reports.plots import ForestPlot, forest_plot
from reports.prior_words import MODES, Finding, finding, units_of
from reports.ranking import is_significant
from reports.report_data import PriorGain, PriorSection, ReportData
from reports.run_card import FEW_UNITS

_TELLING = ("temporal_direction_f1", "temporal_f1_present", "temporal_f1")
"""Metrics that a prior image should move, the most telling first."""
_OF_TEST_SET = "prior_hallucination_references"


@dataclass(frozen=True)
class GainCell:
    """A difference as shown, with its interval; ``sure`` where it is significant."""

    value: str
    interval: str
    sure: bool


@dataclass(frozen=True)
class PriorView:
    """The section; ``head`` is None where no metric is defined on studies with a prior.

    ``basis`` says what the numbers of the headline are over, ``left_out`` what none is over.
    ``columns`` are model, what the real prior is compared with, and number of studies.
    """

    metric: str
    head: Finding | None
    others: list[Finding]
    basis: str
    left_out: str
    caveats: list[str]
    plots: list[tuple[ForestPlot, str]]
    columns: list[tuple[str, str, int]]
    rows: list[tuple[str, list[GainCell]]]


def prior_view(data: ReportData) -> PriorView | None:
    """Return the section, or None where no model ran with its real prior and another."""
    if data.prior is None:
        return None
    metric, found = prior_findings(data.prior)
    head = found[0] if found else None
    gains = [g for g in data.prior.gains if head and (g.metric, g.model) == (metric, head.model)]
    columns, rows = gain_table(data.prior.gains)
    n = {(gain.model, gain.other): gain.n for gain in data.prior.gains}
    return PriorView(
        metric=metric,
        head=head,
        others=found[1:],
        basis=_basis(data.prior, gains, data.table.n),
        left_out=_left_out(data.prior) if gains else "",
        caveats=_caveats(data, gains, head),
        plots=_plots(gains),
        columns=[
            (model, f"over {MODES[other].against}", n[model, other]) for model, other in columns
        ],
        rows=[(name, [_cell(gain) for gain in cells]) for name, cells in rows],
    )


def prior_findings(prior: PriorSection) -> tuple[str, list[Finding]]:
    """Return the metric that says most about the prior, and what each model got out of it.

    Models that look at images come first.
    """
    by_metric: dict[str, dict[str, list[PriorGain]]] = {}
    for gain in prior.gains:
        if gain.real.higher_is_better and not math.isnan(gain.difference.difference):
            by_metric.setdefault(gain.metric, {}).setdefault(gain.model, []).append(gain)
    metric = next((name for name in (*_TELLING, *by_metric) if name in by_metric), "")
    found = [
        finding(model, gains, model in prior.text_only)
        for model, gains in by_metric.get(metric, {}).items()
    ]
    return metric, sorted(found, key=lambda one: one.text_only)


def gain_table(
    gains: Sequence[PriorGain],
) -> tuple[list[tuple[str, str]], list[tuple[str, list[PriorGain | None]]]]:
    """Return (model, other prior) per column, and per metric the gain in each column.

    Metrics that are undefined in every column are left out, and what describes the test set only.
    """
    columns = list(dict.fromkeys((gain.model, gain.other) for gain in gains))
    by_metric: dict[str, dict[tuple[str, str], PriorGain]] = {}
    for gain in gains:
        is_defined = not math.isnan(gain.difference.difference)
        if is_defined and gain.metric.rpartition("/")[2] != _OF_TEST_SET:
            by_metric.setdefault(gain.metric, {})[gain.model, gain.other] = gain
    rows = [(name, [found.get(column) for column in columns]) for name, found in by_metric.items()]
    return columns, rows


def gains_for_terminal(gains: Sequence[PriorGain]) -> TerminalTable:
    """Return one row per metric and one column per model and other prior."""
    columns, rows = gain_table(gains)
    headers = [f"{model} over {MODES[other].against}" for model, other in columns]
    cells = [[name, *map(_terminal_cell, found)] for name, found in rows]
    return TerminalTable(["metric", *headers], cells)


def _terminal_cell(gain: PriorGain | None) -> str:
    cell = _cell(gain)
    return f"{cell.value} [{cell.interval}]" if cell.interval else cell.value


def _cell(gain: PriorGain | None) -> GainCell:
    if gain is None:
        return GainCell(shown(None, True), "", False)
    one, percent = gain.difference, gain.real.percent
    bounds = [shown(bound, percent) for bound in (one.low, one.high)]
    known = not math.isnan(one.low)
    return GainCell(
        signed(one.difference, percent), ", ".join(bounds) if known else "", is_significant(one)
    )


def _basis(prior: PriorSection, gains: Sequence[PriorGain], n: int) -> str:
    if not prior.gains:
        return "No study is known to have a prior image, so nothing can be said."
    if not gains:
        return "No metric is defined on the studies that have a prior image: nothing can be said."
    first = gains[0]
    answered = " and that no mode failed on" if first.left_out else ""
    over = f"On the {count(first.n)} of {count(n)} studies that have a prior image{answered}"
    if not first.real.resamples:
        return f"{over}; without intervals."
    confidence = digits(first.real.confidence, percent=True).rstrip("0").rstrip(".")
    return (
        f"{over}, of {units_of(first.real)}; in brackets, {confidence} % intervals of the paired "
        "difference."
    )


def _left_out(prior: PriorSection) -> str:
    sentences = []
    if prior.without:
        sentences.append(
            f"The {count(prior.without)} studies without a prior image are left out: for them a "
            "model of two images sees what it sees with the dummy (in Libra, the current image "
            "again)."
        )
    if prior.unknown:
        sentences.append(
            f"Of {count(prior.unknown)} studies it is not known whether they have a prior image; "
            "they are left out too."
        )
    failed = {gain.model: gain.left_out for gain in prior.gains if gain.left_out}
    sentences += [
        f"{model}: {count(n)} with a prior image left out, because one of its modes failed there."
        for model, n in failed.items()
    ]
    return " ".join(sentences)


def _caveats(data: ReportData, gains: Sequence[PriorGain], head: Finding | None) -> list[str]:
    if not gains:
        return []
    caveats = []
    is_said = head is not None and head.verdict == "few"
    if gains[0].difference.n_units < FEW_UNITS and not is_said:
        caveats.append(
            f"Only {units_of(gains[0].real)} have a prior image. Below {FEW_UNITS}, intervals tend "
            "to be too narrow."
        )
    model = gains[0].model
    systems = {model, *(f"{model}@{gain.other}" for gain in gains)}
    unsound = [s.system for s in data.soundness if s.verdict == "unsound" and s.system in systems]
    if unsound:
        caveats.append(f"Not sound, so not to be quoted: {', '.join(unsound)}.")
    return caveats


def _plots(gains: Sequence[PriorGain]) -> list[tuple[ForestPlot, str]]:
    if not gains:
        return []
    metric, real = gains[0].metric, gains[0].real
    scores = {MODES["real"].row: real, **{MODES[g.other].row: g.instead for g in gains}}
    differences = {f"over {MODES[g.other].against}": _as_score(g) for g in gains}
    drawn = [
        (forest_plot(metric, scores, percent=False), "by what the model saw as the prior"),
        (
            forest_plot(metric, differences, percent=False, differences=True),
            "what the real prior adds",
        ),
    ]
    return [(plot, caption) for plot, caption in drawn if plot is not None]


def _as_score(gain: PriorGain) -> Score:
    one = gain.difference
    known = not math.isnan(one.low)
    return replace(
        gain.real,
        score=one.difference,
        low=one.low if known else None,
        high=one.high if known else None,
        bounds=(-math.inf, math.inf),
    )
