"""Radiologists' error counts of candidate reports, as ReXVal publishes them or as any CSV.

ReXVal 1.0.0 (physionet.org/content/rexval-dataset) has two files. The counts are one row per study,
candidate, rater, error category and significance: ``study_number``, ``candidate_type``,
``rater_index``, ``error_category``, ``clinically_significant``, ``num_errors``. The reports are one
row per study: ``study_id``, ``gt_report``, and a column per candidate.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.datasets.table_rows import shown_columns, table_header, table_rows
from harness.errors import InputError
from metrics.files.quoting import listed, quoted

Pair = tuple[str, str]
"""A study and a candidate."""
STUDY = ("study_number", "study_id", "study")
CANDIDATE = ("candidate_type", "candidate", "system", "model")
COUNT = ("num_errors", "errors", "error_count")
RATER = ("rater_index", "rater")
SIGNIFICANT = ("clinically_significant", "significant")
REFERENCE = ("gt_report", "reference", "ground_truth")
ALL, IS_SIGNIFICANT, IS_NOT = "all", "significant", "insignificant"
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class ErrorCounts:
    """Mean number of errors over raters, by kind (all, significant, insignificant) and pair.

    Files that do not tell significance have the kind ``all`` only. ``study_column`` is the header
    that the studies' names stood under.
    """

    by_kind: dict[str, dict[Pair, float]]
    raters: int
    study_column: str

    @property
    def pairs(self) -> list[Pair]:
        """The pairs, in file order."""
        return list(self.by_kind[ALL])


@dataclass(frozen=True)
class Candidate:
    """A report to be judged, and the reference that it was judged against."""

    pair: Pair
    prediction: str
    reference: str


def read_error_counts(path: Path) -> ErrorCounts:
    """Return the errors per pair: summed over categories, then averaged over the pair's raters.

    A rater who saw a pair and counted no error of a kind counts as 0 for it.

    Raises
    ------
    InputError
        If a column is missing or a cell is no number of errors.
    """
    header = table_header(path)
    study, candidate, count = (_column(path, header, names) for names in (STUDY, CANDIDATE, COUNT))
    rater, significant = _optional(header, RATER), _optional(header, SIGNIFICANT)
    sums: dict[str, defaultdict[Pair, float]] = {ALL: defaultdict(float)}
    if significant:
        sums.update({IS_SIGNIFICANT: defaultdict(float), IS_NOT: defaultdict(float)})
    raters: dict[Pair, dict[str, None]] = {}
    for line, row in table_rows(path):
        pair = (_name(row[study]), row[candidate].strip())
        number = _number(row[count], count, f"{path} line {line}")
        raters.setdefault(pair, {})[row[rater].strip() if rater else ""] = None
        sums[ALL][pair] += number
        if significant:
            true = _truth(row[significant], significant, f"{path} line {line}")
            sums[IS_SIGNIFICANT if true else IS_NOT][pair] += number
    if not raters:
        raise InputError(f"{path} holds no error counts. Give one row per study and candidate.")
    by_kind = {
        kind: {pair: found[pair] / len(those) for pair, those in raters.items()}
        for kind, found in sums.items()
    }
    return ErrorCounts(by_kind, len({one for those in raters.values() for one in those}), study)


def read_candidates(path: Path, counts: ErrorCounts) -> list[Candidate]:
    """Return the candidate reports of all pairs that have error counts, in their order.

    Where the counts number the studies and the reports do not, ``study_number`` is the row,
    counted from 0, or from 1 where the largest number is that of the rows.

    Raises
    ------
    InputError
        If a column or a study is missing, or a study is there twice.
    """
    header = table_header(path)
    reference = _column(path, header, REFERENCE)
    by_study = _reports(path, header, counts)
    found = []
    for study, candidate in counts.pairs:
        if study not in by_study:
            raise InputError(
                f"{path}: no reports of study {quoted(study)}, which has error counts. Give the "
                "file of the same study."
            )
        if candidate not in header:
            raise InputError(
                f"{path} line 1: no column {quoted(candidate)} with the candidate's reports among "
                f"{shown_columns(header)}. Name the columns as the error counts name candidates."
            )
        row = by_study[study]
        found.append(Candidate((study, candidate), row[candidate], row[reference]))
    return found


def read_scores(path: Path, pairs: Sequence[Pair]) -> dict[str, list[float]]:
    """Return scores by metric in the order of the pairs, NaN where a cell is empty.

    ``per_sample.csv`` of a scored run is such a file.

    Raises
    ------
    InputError
        If a pair has no row or two, or a cell is no number.
    """
    header = table_header(path)
    study, candidate = _column(path, header, STUDY), _column(path, header, CANDIDATE)
    metrics = [name for name in header if name not in (study, candidate)]
    if not metrics:
        raise InputError(f"{path} line 1: no column with scores beside {study} and {candidate}.")
    scores: dict[Pair, list[float]] = {}
    for line, row in table_rows(path):
        pair = (_name(row[study]), row[candidate].strip())
        if pair in scores:
            raise InputError(f"{path} line {line}: a second row of the same study and candidate.")
        place = f"{path} line {line}"
        scores[pair] = [
            math.nan if not row[name].strip() else _score(row[name], name, place)
            for name in metrics
        ]
    missing = [" ".join(pair) for pair in pairs if pair not in scores]
    if missing:
        raise InputError(
            f"{path}: no scores of {len(missing)} of {len(pairs)} pairs with error counts "
            f"({listed(missing)}). Score them too."
        )
    return {name: [scores[pair][at] for pair in pairs] for at, name in enumerate(metrics)}


def _reports(
    path: Path, header: Sequence[str], counts: ErrorCounts
) -> Mapping[str, Mapping[str, str]]:
    """Return the rows of reports by study."""
    rows = list(table_rows(path))
    if counts.study_column not in header:
        first = _first_number(path, len(rows), counts)
        return {str(number): row for number, (_, row) in enumerate(rows, first)}
    found: dict[str, Mapping[str, str]] = {}
    for line, row in rows:
        if found.setdefault(_name(row[counts.study_column]), row) is not row:
            raise InputError(f"{path} line {line}: a second row of the same study. Keep one.")
    return found


def _first_number(path: Path, rows: int, counts: ErrorCounts) -> int:
    """Return the number of the first row: 0 or 1."""
    names = {study for study, _ in counts.pairs}
    if not all(name.isdecimal() for name in names):
        raise InputError(
            f"{path} line 1: no column {counts.study_column!r}, by which the error counts name "
            "studies. Add it."
        )
    return 1 if max(map(int, names)) == rows else 0


def _column(path: Path, header: Sequence[str], names: Iterable[str]) -> str:
    found = _optional(header, names)
    if found is None:
        raise InputError(
            f"{path} line 1: no column {' or '.join(names)} among {shown_columns(header)}. "
            "Rename one."
        )
    return found


def _optional(header: Sequence[str], names: Iterable[str]) -> str | None:
    return next((name for name in names if name in header), None)


def _name(cell: str) -> str:
    """Return a study's name; whole numbers lose the decimals that spreadsheets add."""
    name = cell.strip()
    return name.removesuffix(".0") if name.removesuffix(".0").isdecimal() else name


def _number(cell: str, column: str, place: str) -> float:
    number = _score(cell, column, place)
    if not (math.isfinite(number) and number >= 0):
        raise InputError(f"{place}: {column} is {quoted(cell)}, not a number of errors.")
    return number


def _score(cell: str, column: str, place: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"{place}: {column} is {quoted(cell)}, not a number.") from None


def _truth(cell: str, column: str, place: str) -> bool:
    word = cell.strip().lower().removesuffix(".0")
    if word not in _TRUTHS:
        raise InputError(f"{place}: {column} is {quoted(cell)}. Write True or False.")
    return _TRUTHS[word]
