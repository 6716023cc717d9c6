"""From texts to a score table: statistics, totals, replicates, intervals."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, cast, get_args

import numpy as np

from metrics.errors import InputError
from metrics.evaluation import Statistics, System, compute_statistics
from metrics.metric import FloatArray, Output
from metrics.results import Score, ScoreTable, SystemScores
from metrics.samples import TestSet
from metrics.selection import Selected
from metrics.statistics import BCA_RESAMPLES, Interval, Method, Units, confidence_intervals

_Key = tuple[str, int]


@dataclass(frozen=True)
class Resampling:
    """How intervals are made; no resamples means no intervals."""

    resamples: int = 1000
    confidence: float = 0.95
    method: Method = "percentile"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise InputError(f"The confidence is {self.confidence}. Give a number between 0 and 1.")
        if self.resamples < 0 or self.seed < 0:
            raise InputError("The numbers of resamples and the seed must not be negative.")
        if self.method == "bca" and 0 < self.resamples < BCA_RESAMPLES:
            raise InputError(
                f"BCa intervals need at least {BCA_RESAMPLES} resamples, not {self.resamples}. "
                "Raise the number or use the percentile method."
            )

    @classmethod
    def of(cls, resamples: int, confidence: float, method: str, seed: int) -> Self:
        """Return the settings that a user wrote.

        Raises
        ------
        InputError
            If the method is unknown or a number is out of range.
        """
        if method not in get_args(Method):
            raise InputError(f"Unknown interval method {method!r}. Known: percentile, bca.")
        return cls(resamples, confidence, cast("Method", method), seed)


@dataclass(frozen=True, eq=False)
class Tally:
    """Additive statistics of all systems, with what it takes to turn them into scores."""

    selected: list[Selected]
    statistics: Statistics
    units: Units

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.units.n_samples

    def outputs(self) -> dict[str, Output]:
        """Return the reported outputs by key, in order."""
        return {key: one.output(key) for one in self.selected for key in one.columns}

    def by_system_and_metric(self) -> dict[_Key, FloatArray]:
        """Return the statistics by system and position of the metric."""
        return {
            (name, position): array
            for name, arrays in self.statistics.items()
            for position, array in enumerate(arrays)
        }

    def subset(self, rows: FloatArray) -> Tally:
        """Return the tally of the samples where ``rows`` is true; units keep their samples."""
        kept = np.flatnonzero(rows)
        labels = self.units.index[kept].tolist()
        units = Units.from_clusters(labels, len(kept), self.units.name)
        statistics = {name: [a[kept] for a in arrays] for name, arrays in self.statistics.items()}
        return Tally(self.selected, statistics, units)


def tally(
    selected: Sequence[Selected],
    test_set: TestSet,
    systems: Mapping[str, System],
    units: Units,
    processes: int = 1,
    progress: Callable[[int], None] = lambda samples: None,
) -> Tally:
    """Compute the statistics of the selected metrics for all systems."""
    metrics = [one.metric for one in selected]
    fitted, statistics = compute_statistics(metrics, test_set, systems, processes, progress)
    chosen = [Selected(m, one.columns) for m, one in zip(fitted, selected, strict=True)]
    return Tally(chosen, statistics, units)


def score_systems(counted: Tally, resampling: Resampling) -> dict[str, dict[str, Score]]:
    """Return every system's scores with intervals, by output key.

    One set of resamples serves all metrics and systems.
    """
    intervals = _intervals(counted, resampling) if resampling.resamples else {}
    scores: dict[str, dict[str, Score]] = {}
    for name, arrays in counted.statistics.items():
        scores[name] = {}
        for position, (one, array) in enumerate(zip(counted.selected, arrays, strict=True)):
            total = array.sum(axis=0)
            point = one.metric.reduce(total)
            bounds = intervals.get((name, position))
            for key, column in one.columns.items():
                interval = None if bounds is None else bounds[column]
                facts = (one.signature, one.output(key), counted.units, resampling)
                scores[name][key] = _score(float(point[column]), total, interval, *facts)
    return scores


def per_sample_scores(counted: Tally) -> dict[str, dict[str, FloatArray]]:
    """Return each sample's own scores by system and output key; NaN where undefined."""
    table: dict[str, dict[str, FloatArray]] = {}
    for name, arrays in counted.statistics.items():
        table[name] = {}
        for one, array in zip(counted.selected, arrays, strict=True):
            values = one.metric.per_sample(array)
            table[name].update({key: values[:, column] for key, column in one.columns.items()})
    return table


def score_table(
    counted: Tally,
    resampling: Resampling,
    test_set: TestSet,
    benchmark: str = "scores",
    partial: bool = False,
    missing: Mapping[str, int] | None = None,
    failed: Mapping[str, int] | None = None,
) -> ScoreTable:
    """Return the table of all systems, with per-sample scores."""
    scores = score_systems(counted, resampling)
    systems = {
        name: SystemScores(
            counted.n, metrics, (missing or {}).get(name, 0), (failed or {}).get(name, 0)
        )
        for name, metrics in scores.items()
    }
    return ScoreTable(
        benchmark=benchmark,
        n=counted.n,
        test_set=hash_test_set(test_set),
        systems=systems,
        partial=partial,
        ids=list(test_set.ids),
        per_sample=per_sample_scores(counted),
    )


def hash_test_set(test_set: TestSet) -> str:
    """Return the SHA-256 of the ids and references, in order: which test set this is."""
    digest = hashlib.sha256()
    for sample_id, references in zip(test_set.ids, test_set.references, strict=True):
        digest.update(json.dumps([sample_id, list(references)]).encode() + b"\n")
    return digest.hexdigest()


def _intervals(counted: Tally, resampling: Resampling) -> dict[_Key, list[Interval]]:
    arrays = counted.by_system_and_metric()
    return confidence_intervals(
        arrays,
        {key: counted.selected[key[1]].metric.reduce for key in arrays},
        counted.units,
        resamples=resampling.resamples,
        seed=resampling.seed,
        confidence=resampling.confidence,
        method=resampling.method,
    )


def _score(
    value: float,
    total: FloatArray,
    interval: Interval | None,
    signature: str,
    output: Output,
    units: Units,
    resampling: Resampling,
) -> Score:
    over = units.n_samples if output.count_column is None else round(total[output.count_column])
    return Score(
        score=value,
        low=None if interval is None else _bound(interval.low),
        high=None if interval is None else _bound(interval.high),
        confidence=resampling.confidence,
        resamples=resampling.resamples,
        method=resampling.method,
        unit=units.name,
        n_units=units.n_units,
        undefined_resamples=0 if interval is None else interval.undefined_resamples,
        seed=resampling.seed,
        signature=signature,
        higher_is_better=output.higher_is_better,
        n=over,
        bounds=output.bounds,
    )


def _bound(value: float) -> float | None:
    """Return a bound of an interval, or None where no resample was defined."""
    return None if math.isnan(value) else value
