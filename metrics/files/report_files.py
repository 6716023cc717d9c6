"""Reports by id, from the JSON Lines files of references and predictions that people have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from metrics.files.jsonl import kind_of, read_objects
from metrics.files.sample_ids import line_id, refuse_repeated, refuse_unmatched
from metrics.files.text_lines import MAX_LINE_BYTES

REFERENCE_KEYS = ("reference", "findings", "impression")
"""Where a reference may stand, in the order in which Libra looks."""
PREDICTION_KEYS = ("prediction", "model_prediction", "text")
"""Where a prediction may stand: in our files, in ReXrank's and in Libra's answers."""


@dataclass(frozen=True, slots=True)
class PredictionLine:
    """One entry of a predictions file; ``record`` holds all its fields.

    ``line`` is None where a file has no lines but one JSON document.
    """

    sample_id: str
    text: str
    line: int | None
    record: Mapping[str, Any]


def read_references(path: str | Path) -> dict[str, list[str]]:
    """Return the references of every sample, in file order.

    A line's reference is its first present field of ``reference``, ``findings`` and
    ``impression``; inside a ``reference`` object it is ``findings``, else ``impression``. A list
    of texts gives several references. ``text`` is never one: in Libra's question files it is the
    prompt.

    Raises
    ------
    InputError
        If a line is broken, has no id or no reference, or an id appears twice.
    """
    lines: dict[str, int] = {}
    references: dict[str, list[str]] = {}
    for number, record in read_objects(path):
        place = f"{path} line {number}"
        name = line_id(record, place)
        if name in lines:
            refuse_repeated(path, name, number, lines[name])
        lines[name] = number
        references[name] = _references(record, place)
    return references


def read_predictions(path: str | Path, ids: Sequence[str]) -> dict[str, str]:
    """Return the prediction for every id, in the order of ``ids``.

    Raises
    ------
    InputError
        If a line is broken or holds no prediction, or the file's ids are not exactly ``ids``.
    """
    texts: dict[str, str] = {}
    lines: dict[str, int | None] = {}
    for found in prediction_lines(path):
        if found.sample_id in lines:
            refuse_repeated(path, found.sample_id, found.line, lines[found.sample_id])
        lines[found.sample_id] = found.line
        texts[found.sample_id] = found.text
    refuse_unmatched(path, lines, ids, "Write a line for each, with an empty text if it has none.")
    return {name: texts[name] for name in ids}


def prediction_lines(
    path: str | Path, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[PredictionLine]:
    """Yield the lines of a predictions file, checked one by one.

    Where a model gave several answers, only the first counts: lines with a ``sequence`` above 0
    are passed over.

    Raises
    ------
    InputError
        If a line is broken, or has no id or no text as its prediction.
    """
    for number, record in read_objects(path, max_line_bytes):
        place = f"{path} line {number}"
        name = line_id(record, place)
        if _is_first(record, place):
            yield PredictionLine(name, prediction_in(record, place), number, record)


def prediction_in(record: Mapping[str, Any], place: str) -> str:
    """Return the predicted report of one entry.

    Raises
    ------
    InputError
        If there is none, or it is no text.
    """
    key = next((key for key in PREDICTION_KEYS if key in record), None)
    if key is None:
        raise InputError(f"{place}: no prediction. Add {_either(PREDICTION_KEYS)}.")
    return _text(record[key], key, place)


def _is_first(record: Mapping[str, Any], place: str) -> bool:
    sequence = record.get("sequence", 0)
    if type(sequence) is not int or sequence < 0:
        raise InputError(f"{place}: sequence is no whole number from 0. Number the answers from 0.")
    return sequence == 0


def _references(record: Mapping[str, Any], place: str) -> list[str]:
    source = record
    if isinstance(record.get("reference"), Mapping):
        source = record["reference"]
    key = next((key for key in REFERENCE_KEYS if source.get(key) is not None), None)
    if key is None:
        prompt = " Its text is the prompt, not a reference." if "text" in record else ""
        raise InputError(f"{place}: no reference.{prompt} Add {_either(REFERENCE_KEYS)}.")
    value = source[key]
    if not isinstance(value, list):
        return [_text(value, key, place)]
    if not value:
        raise InputError(f"{place}: {key} is an empty list. Write at least one text.")
    return [_text(one, key, place) for one in value]


def _text(value: object, key: str, place: str) -> str:
    if not isinstance(value, str):
        raise InputError(
            f"{place}: {key} is {kind_of(value)}. Write a text, empty if there is no report."
        )
    return value


def _either(keys: Sequence[str]) -> str:
    return f"{', '.join(keys[:-1])} or {keys[-1]}"
