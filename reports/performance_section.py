"""How fast each model was and what it took: figures of the engines, for the run card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reports.number_format import MISSING, count
from reports.report_data import ReportData

_GIB = 2**30


@dataclass(frozen=True)
class PerformanceTable:
    """Headers, and one row of cells per system."""

    headers: list[str]
    rows: list[tuple[str, list[str]]]


def performance_table(data: ReportData) -> PerformanceTable | None:
    """Return what models measured of themselves; None where none did.

    Columns that no system has a figure for are left out.
    """
    shown = {
        header: {system: _cell(found.get(key), form) for system, found in data.performance.items()}
        for header, (key, form) in _COLUMNS.items()
    }
    used = {
        header: cells
        for header, cells in shown.items()
        if any(cell != MISSING for cell in cells.values())
    }
    if not used:
        return None
    rows = [(system, [cells[system] for cells in used.values()]) for system in data.performance]
    return PerformanceTable(list(used), rows)


def _cell(value: Any, form: Callable[[Any], str]) -> str:
    return form(value) if value else MISSING


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 0.05 else "< 0.1 s"


def _rate(value: float) -> str:
    return f"{value:.1f}" if value < 1000 else count(round(value))


def _memory(value: int) -> str:
    return f"{value / _GIB:.2f} GiB"


def _cost(value: float) -> str:
    return f"{value:.4g}"


_COLUMNS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "Loading": ("load_s", _seconds),
    "Warm-up": ("warm_up_s", _seconds),
    "Images": ("images", count),
    "Images/s": ("images_per_s", _rate),
    "Prompt tokens": ("prompt_tokens", count),
    "Tokens": ("tokens", count),
    "Tokens/s": ("tokens_per_s", _rate),
    "Peak memory": ("peak_memory_bytes", _memory),
    "Cost": ("cost", _cost),
    "Device": ("device", str),
    "Type": ("dtype", str),
}
