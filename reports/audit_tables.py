"""The tables of a sensitivity audit: for the terminal, as Markdown, and one CSV with everything."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metrics.audit.edits import Edit
from metrics.audit.effects import Audit, Effect, Estimate
from reports.number_format import MINUS, MISSING, shown
from reports.text_safety import csv_text

_EN_DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Table:
    """A titled table of texts; ``note`` says how to read it."""

    title: str
    note: str
    headers: list[str]
    rows: list[list[str]]


def audit_tables(audit: Audit) -> list[Table]:
    """Return the tables of an audit, the verdict first.

    Left out are metrics without any score, edits that apply nowhere, and tables that then have
    nothing to show.
    """
    metrics = [one for one in audit.outputs if not _undefined(audit, one)]
    applied = [edit for edit in audit.edits if audit.applied[edit.name]]
    meaning = [edit for edit in applied if edit.kind == "meaning"]
    harmless = [edit for edit in applied if edit.kind == "harmless"]
    tables = [
        *([_told_apart(audit, metrics, meaning)] if meaning and harmless else []),
        *([_moves(audit, metrics, [*meaning, *harmless])] if applied else []),
        *([_lower(audit, metrics, meaning)] if meaning else []),
        _anchors(audit, [*audit.outputs]),
    ]
    return [*(table for table in tables if table.rows), _edits(audit)]


def undefined_metrics(audit: Audit) -> list[str]:
    """Return the outputs that have no score of their own for any of the edited studies."""
    return [one for one in audit.outputs if _undefined(audit, one)]


def markdown(tables: Iterable[Table]) -> str:
    """Return the tables as Markdown, each under a heading."""
    parts = []
    for table in tables:
        align = ["---", *["---:"] * (len(table.headers) - 1)]
        lines = [table.headers, align, *table.rows]
        body = "\n".join(f"| {' | '.join(cell.replace('|', '') for cell in x)} |" for x in lines)
        parts.append(f"## {table.title}\n\n{table.note}\n\n{body}\n")
    return "\n".join(parts)


def audit_csv(audit: Audit) -> str:
    """Return one row per metric and edit, and one per metric over all edits, floats in full."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = ("lower", "ties", "drop", "moved", "told_apart")
    bounds = [f"{name}{part}" for name in names for part in ("", "_low", "_high")]
    writer.writerow(["metric", "edit", "kind", "applied", "n", *bounds])
    kinds = {edit.name: edit.kind for edit in audit.edits}
    for one in audit.effects:
        values = [getattr(one, name) for name in names]
        head = [csv_text(one.metric), one.edit, kinds[one.edit], audit.applied[one.edit], one.n]
        writer.writerow([*head, *_full(values)])
    for all_edits in audit.overall:
        nothing = Estimate(math.nan, None, None)
        values = [nothing, nothing, all_edits.drop, all_edits.moved, all_edits.told_apart]
        writer.writerow([csv_text(all_edits.metric), "all", "", "", "", *_full(values)])
    return buffer.getvalue()


def _told_apart(audit: Audit, metrics: Sequence[str], meaning: Sequence[Edit]) -> Table:
    overall = {one.metric: one.told_apart for one in audit.overall}
    return Table(
        "Meaning told from wording, in per cent",
        "How often an edit that changes the meaning costs more than a harmless edit of the same "
        "report, ties counting half. 100: always; 50: no better than a coin; below 50: the metric "
        "punishes wording more than errors. The second column counts each edit the same.",
        ["metric", "all", *(edit.name for edit in meaning)],
        [
            [
                metric,
                _with_interval(overall[metric]),
                *(_percent(audit.effect(metric, e.name).told_apart) for e in meaning),
            ]
            for metric in metrics
        ],
    )


def _moves(audit: Audit, metrics: Sequence[str], edits: Sequence[Edit]) -> Table:
    def cell(metric: str, effect: Effect, edit: Edit) -> str:
        moved = effect.drop if edit.kind == "meaning" else effect.moved
        return shown(moved.value, audit.outputs[metric].percent)

    return Table(
        "How far an edit moves the score",
        "Mean loss against a perfect copy for edits of meaning (larger is better), mean change "
        "whatever its sign for harmless ones (marked ~; smaller is better); scores of 0 to 1 are "
        "shown times 100.",
        ["metric", *(e.name if e.kind == "meaning" else f"~ {e.name}" for e in edits)],
        [
            [metric, *(cell(metric, audit.effect(metric, e.name), e) for e in edits)]
            for metric in metrics
        ],
    )


def _lower(audit: Audit, metrics: Sequence[str], meaning: Sequence[Edit]) -> Table:
    def cell(effect: Effect) -> str:
        ties = f" ({_percent(effect.ties)})" if effect.ties.value > 0 else ""
        return f"{_percent(effect.lower)}{ties}"

    return Table(
        "Studies in which the worse text scores lower, in per cent",
        "In brackets: studies in which it scores the same as a perfect copy.",
        ["metric", *(edit.name for edit in meaning)],
        [
            [metric, *(cell(audit.effect(metric, edit.name)) for edit in meaning)]
            for metric in metrics
        ],
    )


def _anchors(audit: Audit, metrics: Sequence[str]) -> Table:
    names = list(dict.fromkeys(name for scores in audit.anchors.values() for name in scores))
    rows = []
    for metric in metrics:
        percent = audit.outputs[metric].percent
        scores = audit.anchors[metric]
        cells = [shown(scores[name].score, percent) for name in names]
        if any(cell != MISSING for cell in cells):
            rows.append([metric, *cells])
    return Table(
        "What texts without a look at the image score",
        "A perfect copy, no text at all, one normal report for everybody, and the prior's report "
        "where there is one (over those studies).",
        ["metric", *names],
        rows,
    )


def _edits(audit: Audit) -> Table:
    rows = [
        [edit.name, f"{audit.applied[edit.name]:,}", edit.kind, edit.summary]
        for edit in audit.edits
    ]
    return Table(
        "The edits", "In how many studies each applied.", ["edit", "studies", "kind", "what"], rows
    )


def _undefined(audit: Audit, metric: str) -> bool:
    return not any(one.n for one in audit.effects if one.metric == metric)


def _percent(estimate: Estimate) -> str:
    value = estimate.value
    if not math.isfinite(value):
        return MISSING
    # a share that is not quite all must not read as all
    return f"{value * 100:.0f}" if value in (0.0, 1.0) else f"{value * 100:.1f}"


def _with_interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None or not math.isfinite(estimate.low):
        return _percent(estimate)
    bounds = f"{estimate.low * 100:.1f} {_EN_DASH} {estimate.high * 100:.1f}"
    return f"{_percent(estimate)} [{bounds}]".replace("-", MINUS)


def _full(values: Iterable[Estimate]) -> list[str]:
    return [
        "" if number is None or math.isnan(number) else repr(float(number))
        for one in values
        for number in (one.value, one.low, one.high)
    ]
