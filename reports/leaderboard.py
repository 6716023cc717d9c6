"""Leaderboards: our CSV, Libra's CSV, and rows for the terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metrics.results import LIBRA_COLUMNS, Score, ScoreTable, SystemScores
from reports.board import Row, joint_rows
from reports.errors import InputError
from reports.number_format import MISSING, digits, shown
from reports.score_columns import Column, score_columns
from reports.text_safety import csv_text, terminal_text


@dataclass(frozen=True)
class TerminalTable:
    """Headers and cells, safe to print; the caller draws the lines."""

    headers: list[str]
    rows: list[list[str]]


def run_csv(table: ScoreTable) -> str:
    """Return ``leaderboard.csv`` of one run, which may be partial: a column says so."""
    rows = [Row(name, scores) for name, scores in table.systems.items()]
    return _our_csv(rows, score_columns([table]), table.partial)


def leaderboard_csv(tables: Sequence[ScoreTable], runs: Sequence[str] | None = None) -> str:
    """Return one CSV over many runs in our form.

    Columns are ``Model,n,partial`` and, per metric, ``bleu4,bleu4_low,bleu4_high``. A further
    signature of a metric has columns of its own: ``bleu4 [bleu|treatment:libra|…]``.

    Parameters
    ----------
    runs
        What to call each table in messages, and where two runs hold a system of the same name.

    Raises
    ------
    InputError
        If there is no table, a run is partial, or the test sets differ.
    """
    return _our_csv(joint_rows(tables, runs), score_columns(tables), partial=False)


def libra_csv(tables: Sequence[ScoreTable], runs: Sequence[str] | None = None) -> str:
    """Return one CSV over many runs with the columns that Libra publishes.

    Raises
    ------
    InputError
        As ``leaderboard_csv``; if a score was computed on texts that were not prepared as
        Libra's; and if scores of one column were defined differently.
    """
    rows = joint_rows(tables, runs)
    cells = [[_libra_score(row, name) for name in LIBRA_COLUMNS.values()] for row in rows]
    if all(score is None for row in cells for score in row):
        raise _no_libra("This run", "the scores")
    for header, column in zip(LIBRA_COLUMNS, zip(*cells, strict=True), strict=True):
        if len({score.signature for score in column if score is not None}) > 1:
            raise InputError(
                f"The systems' {header} have different definitions (signatures). "
                "Score them again with one version, or make a leaderboard for each."
            )
    body = [
        [csv_text(row.name), *(_percent(score) for score in scores)]
        for row, scores in zip(rows, cells, strict=True)
    ]
    return _write([["Model Name", *LIBRA_COLUMNS], *body])


def rows_for_terminal(table: ScoreTable) -> TerminalTable:
    """Return one row per metric and one column per system, with intervals.

    Metrics are rows because there are more of them than systems; ``↓`` marks those of which less
    is better, and ``(n 7)`` a score over fewer studies than the table's.
    """
    columns = score_columns([table])
    rows = []
    for column in columns:
        name = column.name if column.higher_is_better else f"{column.name} ↓"
        cells = [_terminal_cell(column.of(system), table.n) for system in table.systems.values()]
        rows.append([terminal_text(name), *cells])
    return TerminalTable(["metric", *map(terminal_text, table.systems)], rows)


def _our_csv(rows: Sequence[Row], columns: Sequence[Column], partial: bool) -> str:
    header = ["Model", "n", "partial"]
    for column in columns:
        header += [f"{column.metric}{end}{column.tag}" for end in ("", "_low", "_high")]
    lines = [[csv_text(cell) for cell in header]]
    for row in rows:
        cells = [csv_text(row.name), str(row.scores.n), "true" if partial else "false"]
        for column in columns:
            cells += _score_cells(column, row.scores)
        lines.append(cells)
    return _write(lines)


def _score_cells(column: Column, system: SystemScores) -> list[str]:
    score = column.of(system)
    if score is None:
        return ["", "", ""]
    return [digits(value, column.percent) for value in (score.score, score.low, score.high)]


def _libra_score(row: Row, name: str) -> Score | None:
    # keyed with the protocol's name where a run holds a second treatment
    found = [
        row.scores.metrics[key] for key in (name, f"libra/{name}") if key in row.scores.metrics
    ]
    libra = [score for score in found if "treatment:libra" in score.signature.split("|")]
    if found and not libra:
        raise _no_libra(f"System {row.name!r}", name)
    return libra[0] if libra else None


def _no_libra(who: str, what: str) -> InputError:
    return InputError(
        f"{who} lacks {what} on texts prepared as Libra prepares them. "
        "Score the predictions again with `--protocol libra`."
    )


def _percent(score: Score | None) -> str:
    return "" if score is None else digits(score.score, percent=True)


def _terminal_cell(score: Score | None, usual_n: int) -> str:
    if score is None:
        return MISSING
    text = shown(score.score, score.percent)
    if score.low is not None and score.high is not None:
        text += f" [{shown(score.low, score.percent)}, {shown(score.high, score.percent)}]"
    return text if score.n == usual_n else f"{text} (n {score.n})"


def _write(lines: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue()
