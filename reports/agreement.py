"""How well metrics agree with radiologists: a table, a CSV and a plot."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from metrics.results import Score
from metrics.statistics.correlation import Correlation
from reports.number_format import MISSING, shown
from reports.plots import forest_plot
from reports.text_safety import csv_text, visible

_TEMPLATES = Path(__file__).parent / "templates"
_DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Agreement:
    """One metric against one kind of error counts (all, significant, insignificant).

    Positive coefficients agree with the radiologists: fewer errors, a better score.
    """

    metric: str
    errors: str
    higher_is_better: bool
    kendall: Correlation
    pearson: Correlation


def agreement_rows(agreements: Sequence[Agreement]) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows for the terminal, the best metric first within a kind of errors."""
    rows = [
        [one.metric, one.errors, _cell(one.kendall), _cell(one.pearson), f"{one.kendall.n:,}"]
        for one in _best_first(agreements)
    ]
    return ["metric", "errors", "Kendall's tau-b", "Pearson's r", "pairs"], rows


def agreement_csv(agreements: Sequence[Agreement]) -> str:
    """Return one row per metric and kind of errors, in the order given, floats in full."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = [f"{name}{part}" for name in ("kendall", "pearson") for part in ("", "_low", "_high")]
    writer.writerow(["metric", "errors", "higher_is_better", "n", "n_units", *names])
    for one in agreements:
        found = one.kendall
        head = [csv_text(one.metric), one.errors, str(one.higher_is_better).lower()]
        values = [v for c in (one.kendall, one.pearson) for v in (c.value, c.low, c.high)]
        writer.writerow([*head, found.n, found.n_units, *(_full(value) for value in values)])
    return buffer.getvalue()


def agreement_plot(agreements: Sequence[Agreement], errors: str) -> str:
    """Return an SVG of every metric's Kendall's tau-b with one kind of errors, the best first.

    Metrics without a coefficient are left out; without any, the plot has no rows.
    """
    scores = {
        visible(one.metric): _score(one)
        for one in _best_first(agreements)
        if one.errors == errors and math.isfinite(one.kendall.value)
    }
    plot = forest_plot("Kendall's tau-b", scores, percent=False, differences=True)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("agreement.svg.j2").render(plot=plot, errors=errors)


def _best_first(agreements: Sequence[Agreement]) -> list[Agreement]:
    kinds = list(dict.fromkeys(one.errors for one in agreements))

    def place(one: Agreement) -> tuple[int, float]:
        value = one.kendall.value
        return kinds.index(one.errors), math.inf if math.isnan(value) else -value

    return sorted(agreements, key=place)


def _score(one: Agreement) -> Score:
    """Return the coefficient in the form that plots take."""
    found = one.kendall
    return Score(
        score=found.value,
        low=found.low,
        high=found.high,
        confidence=math.nan,
        resamples=0,
        method="percentile",
        unit="study",
        n_units=found.n_units,
        undefined_resamples=found.undefined_resamples,
        seed=0,
        signature="",
        higher_is_better=True,
        n=found.n,
        bounds=(-1.0, 1.0),
    )


def _cell(found: Correlation) -> str:
    if not math.isfinite(found.value):
        return MISSING
    if found.low is None or found.high is None:
        return shown(found.value, False)
    value, low, high = (shown(v, False) for v in (found.value, found.low, found.high))
    return f"{value} [{low} {_DASH} {high}]"


def _full(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else repr(value)
