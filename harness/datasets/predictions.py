"""Predictions that exist: ours, Libra's answers, ReXrank's JSON or a table, joined by id."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.datasets.detection import is_document, is_table
from harness.datasets.prediction_table import read_table
from harness.datasets.rexrank import entries
from harness.datasets.study_set import BYTES_PER_MB, file_sha256
from harness.errors import InputError
from metrics.files.jsonl import kind_of
from metrics.files.report_files import PredictionLine, prediction_in, prediction_lines
from metrics.files.sample_ids import checked_id, refuse_repeated, refuse_unmatched
from models.adapter import PRIORS, Prior

_ADVICE = "Add a line for each, or give --allow-missing to score missing ones as empty reports."


@dataclass(frozen=True)
class PredictionFile:
    """The predictions of one system, all sequences in the order of the samples asked for.

    ``texts`` holds None where a prediction is missing; ``finish_reasons``, ``tokens`` and
    ``priors`` hold None where the file does not say.
    """

    path: Path
    sha256: str
    texts: Sequence[str | None]
    finish_reasons: Sequence[str | None]
    tokens: Sequence[int | None]
    priors: Sequence[Prior | None]
    missing: Sequence[str] = ()


def read_predictions(
    path: str | Path,
    ids: Sequence[str],
    *,
    columns: Mapping[str, str] | None = None,
    allow_missing: bool = False,
    max_line_mb: float = 8,
) -> PredictionFile:
    """Return the predictions for samples of known ids.

    Of several answers to a sample (lines with ``sequence``), the first, number 0, counts.

    Parameters
    ----------
    path
        JSON Lines of ours or of Libra, a ReXrank document, or a CSV or TSV table.
    ids
        The samples' ids, in the order wanted.
    columns
        For tables: which column holds which of our fields, among ``study_id``, ``sample_id``,
        ``prediction``, ``finish_reason``, ``tokens`` and ``prior``.
    allow_missing
        Whether samples may lack a prediction.
    max_line_mb
        The longest line that is read, in million bytes.

    Raises
    ------
    InputError
        If the file cannot be read, a line is wrong, or the ids are not those asked for.
    """
    file = Path(path)
    found: dict[str, _Prediction] = {}
    for entry in _entries(file, columns or {}, int(max_line_mb * BYTES_PER_MB)):
        if entry.sample_id in found:
            refuse_repeated(file, entry.sample_id, entry.line, found[entry.sample_id].line)
        found[entry.sample_id] = _prediction(entry, file)
    lines = {name: one.line for name, one in found.items()}
    refuse_unmatched(file, lines, ids, _ADVICE, missing_allowed=allow_missing)
    ordered = [found.get(name, _MISSING) for name in ids]
    return PredictionFile(
        path=file,
        sha256=file_sha256(file),
        texts=[one.text for one in ordered],
        finish_reasons=[one.finish_reason for one in ordered],
        tokens=[one.tokens for one in ordered],
        priors=[one.prior for one in ordered],
        missing=[name for name in ids if name not in found],
    )


@dataclass(frozen=True, slots=True)
class _Prediction:
    text: str | None = None
    finish_reason: str | None = None
    tokens: int | None = None
    prior: Prior | None = None
    line: int | None = None


_MISSING = _Prediction()


def _prediction(entry: PredictionLine, path: Path) -> _Prediction:
    where = f", study {entry.sample_id!r}" if entry.line is None else f" line {entry.line}"
    place = f"{path}{where}"
    return _Prediction(
        text=entry.text,
        finish_reason=_finish_reason(entry.record.get("finish_reason"), place),
        tokens=_tokens(entry.record.get("tokens"), place),
        prior=_prior(entry.record.get("prior"), place),
        line=entry.line,
    )


def _entries(
    path: Path, columns: Mapping[str, str], max_line_bytes: int
) -> Iterator[PredictionLine]:
    if is_table(path):
        return read_table(path, columns, max_line_bytes)
    if columns:
        raise InputError(f"columns is for tables, but {path} is no CSV or TSV file. Leave it out.")
    if is_document(path, max_line_bytes):
        return _document(path)
    return prediction_lines(path, max_line_bytes)


def _document(path: Path) -> Iterator[PredictionLine]:
    for name, record in entries(path):
        place = f"{path}, study {name!r}"
        if not isinstance(record, dict):
            raise InputError(f"{place}: expected an object, found {kind_of(record)}. Mend it.")
        yield PredictionLine(
            checked_id(name, "the id", str(path)), prediction_in(record, place), None, record
        )


def _finish_reason(value: object, place: str) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else sys.intern(value)
    raise InputError(f"{place}: finish_reason is {kind_of(value)}. Write a word, or leave it out.")


def _tokens(value: object, place: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise InputError(f"{place}: tokens is no whole number from 0. Write one, or leave it out.")


def _prior(value: object, place: str) -> Prior | None:
    for known in PRIORS:
        if value == known:
            return known
    if value is None:
        return None
    raise InputError(
        f"{place}: prior is not one of {', '.join(PRIORS)}. Write one, or leave it out."
    )
