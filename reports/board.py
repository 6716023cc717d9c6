"""The systems of several runs as rows of one table, where that is honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metrics.results import ScoreTable, SystemScores
from reports.errors import InputError


@dataclass(frozen=True)
class Row:
    """A system under the name it has in the joint table."""

    name: str
    scores: SystemScores


def joint_rows(tables: Sequence[ScoreTable], runs: Sequence[str] | None = None) -> list[Row]:
    """Return the systems of all runs, in order.

    A system that several runs hold with equal scores is shown once; with different scores each is
    shown as ``name (run)``.

    Parameters
    ----------
    runs
        What to call each table in messages and names; ``run 1``, ``run 2`` … if None.

    Raises
    ------
    InputError
        If there is no table, a run is partial, or the test sets differ.
    """
    if not tables:
        raise InputError("A leaderboard needs a scored run; none is given.")
    names = list(runs) if runs is not None else [f"run {i + 1}" for i in range(len(tables))]
    _refuse_partial(tables, names)
    _refuse_mixed(tables, names)
    return _rows(tables, names)


def _refuse_partial(tables: Sequence[ScoreTable], names: Sequence[str]) -> None:
    partial = [name for name, table in zip(names, tables, strict=True) if table.partial]
    if partial:
        raise InputError(
            f"Partial runs do not go on a leaderboard: {', '.join(partial)}. "
            "Finish them without --limit, or leave them out."
        )


def _refuse_mixed(tables: Sequence[ScoreTable], names: Sequence[str]) -> None:
    if len({table.test_set for table in tables}) > 1:
        sets = ", ".join(
            f"{name} on {table.test_set[:19]}… ({table.n} studies)"
            for name, table in zip(names, tables, strict=True)
        )
        raise InputError(
            f"These runs are on different test sets and cannot be ranked together: {sets}. "
            "Make one leaderboard per test set."
        )


def _rows(tables: Sequence[ScoreTable], names: Sequence[str]) -> list[Row]:
    held: dict[str, list[tuple[str, SystemScores]]] = {}
    for run, table in zip(names, tables, strict=True):
        for system, scores in table.systems.items():
            entries = held.setdefault(system, [])
            if not any(_same(scores, other) for _, other in entries):
                entries.append((run, scores))
    rows = [
        Row(system if len(entries) == 1 else f"{system} ({run})", scores)
        for system, entries in held.items()
        for run, scores in entries
    ]
    _refuse_ambiguous(rows)
    return rows


def _same(one: SystemScores, other: SystemScores) -> bool:
    # repr, because an undefined score (NaN) equals itself here
    return repr(one) == repr(other)


def _refuse_ambiguous(rows: Sequence[Row]) -> None:
    names = [row.name for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"Different scores stand under the same name: {', '.join(twice)}. "
            "Give each run and system a name of its own."
        )
