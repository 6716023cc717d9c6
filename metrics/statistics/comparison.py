"""All systems of a test set compared in pairs, on one set of draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metrics.statistics.arrays import FloatArray, Reduce
from metrics.statistics.correction import holm
from metrics.statistics.exact import ExactColumns
from metrics.statistics.paired import PairedBootstrap, paired_bootstrap, randomisation_p
from metrics.statistics.planning import SampleSize, studies_needed
from metrics.statistics.resampling import resampling_weights, swap_masks
from metrics.statistics.units import Units

Pair = tuple[str, str]
SystemMetric = tuple[str, str]


@dataclass(frozen=True)
class Scorer:
    """The outputs of a metric and how they come from summed statistics."""

    outputs: tuple[str, ...]
    reduce: Reduce


@dataclass(frozen=True)
class PairedComparison:
    """How far system ``a`` is from system ``b`` in one output; ``difference`` is a minus b.

    ``p_holm`` is ``p_randomisation`` corrected over the pairs within the output. Undefined numbers
    are NaN. ``needed`` says on how many studies the difference could be told apart.
    """

    metric: str
    a: str
    b: str
    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_randomisation: float
    p_holm: float
    n_units: int
    undefined_resamples: int
    needed: SampleSize | None


@dataclass(frozen=True)
class _Draws:
    """Totals of one metric and system: over all units, per resample and per swap."""

    score: FloatArray
    total: FloatArray
    resampled_scores: FloatArray
    swapped: FloatArray


def compare_systems(
    statistics: Mapping[SystemMetric, FloatArray],
    scorers: Mapping[str, Scorer],
    units: Units,
    *,
    resamples: int,
    trials: int,
    seed: int,
    confidence: float = 0.95,
    pairs: Sequence[Pair] | None = None,
) -> list[PairedComparison]:
    """Return the comparison of every pair of systems, ordered by metric, output and pair.

    ``statistics`` holds arrays of shape (samples, k) by system and metric, ``scorers`` the metrics
    to compare. ``pairs`` defaults to all; a pair is left out where a system lacks the metric.
    """
    systems = list(dict.fromkeys(system for system, _ in statistics))
    wanted = list(itertools.combinations(systems, 2)) if pairs is None else list(pairs)
    draws = _draw(statistics, scorers, units, resamples=resamples, trials=trials, seed=seed)
    comparisons = []
    for metric, scorer in scorers.items():
        present = [p for p in wanted if (p[0], metric) in draws and (p[1], metric) in draws]
        by_pair = [
            _compare(
                pair, scorer, draws[pair[0], metric], draws[pair[1], metric], units, confidence
            )
            for pair in present
        ]
        for of_one_output in zip(*by_pair, strict=True):
            comparisons += _with_holm(of_one_output)
    return comparisons


def _draw(
    statistics: Mapping[SystemMetric, FloatArray],
    scorers: Mapping[str, Scorer],
    units: Units,
    *,
    resamples: int,
    trials: int,
    seed: int,
) -> dict[SystemMetric, _Draws]:
    compared = {key: array for key, array in statistics.items() if key[1] in scorers}
    columns = ExactColumns({key: units.sum(array) for key, array in compared.items()})
    n_units = units.n_units
    totals = columns.sums([np.ones((1, n_units))])
    resampled = columns.sums(resampling_weights(n_units, resamples, seed))
    swapped = columns.sums(swap_masks(n_units, trials, seed))
    draws = {}
    for key, array in compared.items():
        reduce = scorers[key[1]].reduce
        score = reduce(array.sum(axis=0))
        draws[key] = _Draws(score, totals[key], reduce(resampled[key]), swapped[key])
    return draws


def _compare(
    pair: Pair, scorer: Scorer, a: _Draws, b: _Draws, units: Units, confidence: float
) -> list[PairedComparison]:
    """Compare two systems in each output; ``p_holm`` is filled in once all pairs are known."""
    with np.errstate(invalid="ignore"):
        differences = a.score - b.score
    bootstraps = paired_bootstrap(a.resampled_scores, b.resampled_scores, differences, confidence)
    p_values = randomisation_p(scorer.reduce, a.total, b.total, a.swapped, b.swapped)
    return [
        _comparison(output, pair, float(difference), bootstrap, float(p), units)
        for output, difference, bootstrap, p in zip(
            scorer.outputs, differences, bootstraps, p_values, strict=True
        )
    ]


def _comparison(
    output: str, pair: Pair, difference: float, bootstrap: PairedBootstrap, p: float, units: Units
) -> PairedComparison:
    return PairedComparison(
        metric=output,
        a=pair[0],
        b=pair[1],
        difference=difference,
        low=bootstrap.low,
        high=bootstrap.high,
        # The resamples of a single unit are all alike: they cannot speak of chance.
        p_bootstrap=bootstrap.p if units.n_units > 1 else math.nan,
        p_randomisation=p,
        p_holm=math.nan,
        n_units=units.n_units,
        undefined_resamples=bootstrap.undefined_resamples,
        needed=studies_needed(difference, bootstrap.standard_error, units.n_units, units.n_samples),
    )


def _with_holm(comparisons: Sequence[PairedComparison]) -> list[PairedComparison]:
    adjusted = holm([comparison.p_randomisation for comparison in comparisons])
    return [replace(c, p_holm=float(p)) for c, p in zip(comparisons, adjusted, strict=True)]
