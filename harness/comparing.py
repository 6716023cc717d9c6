"""Paired comparisons of the systems in one or several run folders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.reopened import reopen_counts, run_name
from harness.run_folder import RunFolder
from harness.scoring_plan import ScoringPlan
from metrics.comparison import compare_tally
from metrics.metric import FloatArray
from metrics.scoring import Tally
from metrics.selection import FAMILIES, Selected, plain_key
from metrics.statistics import PairedComparison, Units, few_units
from reports.number_format import p_value, shown, signed

HEADERS = (
    "metric", "a", "b", "a - b", "interval", "p boot.", "p rand.", "p Holm", "needed",
)  # fmt: skip
LEGEND = (
    "p boot.: paired bootstrap; p rand.: approximate randomisation; p Holm: p rand. corrected for "
    "the pairs within a metric; needed: studies to tell such a difference apart (80 % power)"
)


@dataclass(frozen=True)
class Compared:
    """Comparisons, which metrics are shown times 100, and what the reader should know."""

    rows: list[PairedComparison]
    percent: dict[str, bool]
    notes: list[str]


def compare_runs(
    folders: Sequence[Path],
    metrics: Sequence[str] | None = None,
    baseline: str | None = None,
    trials: int = 10_000,
) -> Compared:
    """Test the systems of one run, or of several runs on the same test set, in pairs.

    Raises
    ------
    InputError
        If a folder holds no finished run, the runs are on different test sets or share no metric,
        or a metric or system is unknown.
    """
    opened = [RunFolder.read(folder) for folder in folders]
    _refuse_unlike(opened)
    counts = [reopen_counts(folder) for folder in opened]
    _refuse_other_units(folders, [tally.units for _, _, tally in counts])
    counted = _joint([run_name(f.path) for f in opened], [tally for _, _, tally in counts])
    plan: ScoringPlan = counts[0][0]
    scored = list(counted.outputs())
    rows = compare_tally(
        counted,
        metrics=None if metrics is None else _keys(metrics, scored),
        baseline=baseline,
        resamples=plan.resampling.resamples or 1000,
        trials=trials,
        confidence=plan.resampling.confidence,
        seed=plan.resampling.seed,
    )
    warning = few_units(counted.units.n_units, counted.units.name)
    percent = {key: output.percent for key, output in counted.outputs().items()}
    return Compared(rows, percent, [] if warning is None else [warning])


def json_rows(compared: Compared) -> list[dict[str, Any]]:
    """Return the comparisons in the form of ``compare --json``; undefined numbers are null."""
    return [
        {
            "metric": row.metric,
            "a": row.a,
            "b": row.b,
            "difference": _null(row.difference),
            "low": _null(row.low),
            "high": _null(row.high),
            "p_bootstrap": _null(row.p_bootstrap),
            "p_randomisation": _null(row.p_randomisation),
            "p_holm": _null(row.p_holm),
            "n_units": row.n_units,
            "studies_needed": None if row.needed is None else row.needed.studies,
        }
        for row in compared.rows
    ]


def table_rows(compared: Compared) -> tuple[Sequence[str], list[list[str]]]:
    """Return headers and cells for a terminal, in the units of tables."""
    rows = []
    for row in compared.rows:
        percent = compared.percent[row.metric]
        interval = f"[{shown(row.low, percent)}, {shown(row.high, percent)}]"
        p_values = [p_value(p) for p in (row.p_bootstrap, row.p_randomisation, row.p_holm)]
        needed = "" if row.needed is None else f"{row.needed.studies:,}"
        difference = signed(row.difference, percent)
        rows.append([row.metric, row.a, row.b, difference, interval, *p_values, needed])
    return HEADERS, rows


def _refuse_unlike(folders: Sequence[RunFolder]) -> None:
    first = folders[0]
    for other in folders[1:]:
        if other.record.get("test_set") != first.record.get("test_set"):
            raise InputError(
                f"{first.path} and {other.path} are on different test sets and cannot be "
                "compared study by study. Score both on the same references."
            )


def _refuse_other_units(folders: Sequence[Path], units: Sequence[Units]) -> None:
    for folder, other in zip(folders, units, strict=True):
        if (other.index != units[0].index).any():
            raise InputError(
                f"{folders[0]} and {folder} were resampled by different units. "
                "Score both with the same --cluster, on references with the same patients."
            )


def _keys(names: Sequence[str], scored: Sequence[str]) -> list[str]:
    """Return the scored outputs that are asked for by name, by spelling or by family."""
    found: dict[str, None] = {}
    for name in names:
        prefix = FAMILIES.get(name.lower())
        family = [key for key in scored if prefix and key.rpartition("/")[2].startswith(prefix)]
        found.update(dict.fromkeys(family or [plain_key(name, scored)]))
    return list(found)


def _joint(names: Sequence[str], tallies: Sequence[Tally]) -> Tally:
    """Put the systems of several runs side by side, on the metrics that all of them have."""
    if len(tallies) == 1:
        return tallies[0]
    positions = [{s.signature: i for i, s in enumerate(t.selected)} for t in tallies]
    shared = [s for s in tallies[0].selected if all(s.signature in p for p in positions)]
    if not shared:
        raise InputError("These runs share no metric with the same signature. Score them alike.")
    statistics: dict[str, list[FloatArray]] = {}
    for name, one, position in zip(names, tallies, positions, strict=True):
        for system, arrays in one.statistics.items():
            key = f"{system} ({name})" if system in statistics else system
            if key in statistics:
                raise InputError(
                    f"Two runs called {name!r} hold a system {system!r}. Rename one of the folders."
                )
            statistics[key] = [arrays[position[s.signature]] for s in shared]
    selected: list[Selected] = shared
    return Tally(selected, statistics, tallies[0].units)


def _null(value: float) -> float | None:
    return value if math.isfinite(value) else None
