"""``evaluate_report``: the table that Libra prints, from files or from texts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metrics.api import score
from metrics.errors import InputError, MetricsWarning, MissingError
from metrics.evaluation import refuse_absent_weights
from metrics.files.report_files import read_predictions, read_references
from metrics.results import LIBRA_COLUMNS
from metrics.selection import select

if TYPE_CHECKING:
    import pandas as pd

Source = str | Path | Sequence[str]

_METRICS = ["bleu", "meteor", "rougeL", "temporal_f1"]
_BERTSCORE = "bertscore_f1"

Row = dict[str, float | None]


def evaluate_report(
    references: Source,
    predictions: Source | Mapping[str, str | Path],
    *,
    digits: int | None = None,
) -> Row | pd.DataFrame:
    """Return the scores that Libra's ``evaluate_report`` prints, times 100.

    Parameters
    ----------
    references, predictions
        A string or Path is a JSONL file, and the two are joined by id; a list holds texts.
        ``{name: path}`` scores several files and returns a table with one row each, in the
        columns of Libra's CSV.
    digits
        Round to so many decimals; Libra prints 2.

    Returns
    -------
    dict or pandas.DataFrame
        ``BLEU1`` to ``BLEU4``, ``METEOR``, ``ROUGE-L`` (the plain mean), ``Bert_score`` (None, with
        one warning, while its weights are not there) and ``Temporal_entity_score``, always in this
        order.

    Raises
    ------
    InputError
        If a file cannot be read, an id is missing on one side, or lengths differ.
    """
    metrics = [*_METRICS, _BERTSCORE]
    try:
        refuse_absent_weights([one.metric for one in select(metrics, "libra")])
    except MissingError as error:
        warnings.warn(f"Bert_score is None. {error}", MetricsWarning, stacklevel=2)
        metrics = _METRICS
    if isinstance(predictions, Mapping):
        rows = {
            name: _evaluate(references, path, metrics, digits) for name, path in predictions.items()
        }
        return _table(rows)
    return _evaluate(references, predictions, metrics, digits)


def _table(rows: Mapping[str, Row]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(list(rows.values()), columns=list(LIBRA_COLUMNS))
    frame.insert(0, "Model Name", list(rows))
    return frame


def _evaluate(
    references: Source, predictions: Source, metrics: Sequence[str], digits: int | None
) -> Row:
    wanted, given = _texts(references, predictions)
    table = score(given, wanted, metrics=metrics, protocol="libra", resamples=0)
    (system,) = table.systems.values()
    scores = {name: system.metrics.get(key) for name, key in LIBRA_COLUMNS.items()}
    return {
        name: None if found is None else _shown(found.score, digits)
        for name, found in scores.items()
    }


def _texts(references: Source, predictions: Source) -> tuple[Sequence[Any], Sequence[str]]:
    if isinstance(references, str | Path) and isinstance(predictions, str | Path):
        wanted = read_references(references)
        given = read_predictions(predictions, list(wanted))
        return list(wanted.values()), [given[name] for name in wanted]
    if isinstance(references, str | Path) or isinstance(predictions, str | Path):
        raise InputError("Give references and predictions both as files or both as lists of texts.")
    return references, predictions


def _shown(value: float, digits: int | None) -> float | None:
    if math.isnan(value):
        return None
    return value * 100 if digits is None else round(value * 100, digits)
