"""How systems do on each of CheXpert's conditions: for the report, and as ``conditions.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from metrics._chexbert_f1 import TABLE_COLUMNS, ChexbertF1, condition_table
from metrics.conditions import CONDITIONS
from metrics.metric import FloatArray, MetricInfo, Output
from metrics.results import Score
from metrics.scoring import Resampling, Tally, score_systems
from metrics.selection import Selected
from reports.report_data import ConditionRow, ConditionTable
from reports.text_safety import csv_text

_KEYS = [f"{condition}/{measure}" for condition in CONDITIONS for measure in TABLE_COLUMNS]


@dataclass(frozen=True)
class _EveryCondition(ChexbertF1):
    """The table of conditions as a metric's outputs, to be given the same intervals as a metric."""

    info: ClassVar[MetricInfo] = replace(
        ChexbertF1.info, outputs=tuple(Output(key) for key in _KEYS)
    )

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the cells, shape (..., 56)."""
        return condition_table(totals).reshape(*totals.shape[:-1], len(_KEYS))


def counted_chexbert(counted: Tally) -> tuple[int, ChexbertF1] | None:
    """Return the position of CheXbert F1 among the metrics, and the metric itself."""
    for position, one in enumerate(counted.selected):
        if isinstance(one.metric, ChexbertF1):
            return position, one.metric
    return None


def condition_tables(counted: Tally, resampling: Resampling) -> list[ConditionTable]:
    """Return a table for each system; none where CheXbert F1 was not counted.

    The resamples are those of the run: a condition's F1 has the interval that it has as a score.
    """
    found = counted_chexbert(counted)
    if found is None:
        return []
    position, metric = found
    every = Selected(
        _EveryCondition(metric.uncertain),
        {key: column for column, key in enumerate(_KEYS)},
        counted.selected[position].signature,
    )
    statistics = {system: [arrays[position]] for system, arrays in counted.statistics.items()}
    scores = score_systems(Tally([every], statistics, counted.units), resampling)
    return [
        ConditionTable(system, _rows(array.sum(axis=0), scores[system]))
        for system, (array,) in statistics.items()
    ]


def conditions_csv(tables: Sequence[ConditionTable]) -> str:
    """Return one row per system and condition: counts, then scores as fractions, in full."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    bounds = [f"{name}{end}" for name in TABLE_COLUMNS for end in ("", "_low", "_high")]
    writer.writerow(["system", "condition", "in_references", "in_predictions", *bounds])
    for table in tables:
        for row in table.rows:
            scores = [row.scores[name] for name in TABLE_COLUMNS]
            cells = [value for one in scores for value in (one.score, one.low, one.high)]
            writer.writerow(
                [csv_text(table.system), row.condition, row.referenced, row.predicted]
                + ["" if value is None else repr(value) for value in cells]
            )
    return buffer.getvalue()


def _rows(totals: FloatArray, scores: Mapping[str, Score]) -> list[ConditionRow]:
    n = len(CONDITIONS)
    hits, invented, missed = totals[: 3 * n].reshape(3, n).round().astype(int)
    return [
        ConditionRow(
            condition,
            int(hits[i] + missed[i]),
            int(hits[i] + invented[i]),
            {name: scores[f"{condition}/{name}"] for name in TABLE_COLUMNS},
        )
        for i, condition in enumerate(CONDITIONS)
    ]
