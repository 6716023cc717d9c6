"""What the prior image is worth: a model's scores with the real prior against those without it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.study import Study
from harness.system_names import system_name
from metrics.comparison import TRIALS, compare_tally
from metrics.results import Score
from metrics.scoring import Resampling, Tally, score_systems
from metrics.statistics import PairedComparison
from models.adapter import PRIORS
from reports.report_data import PriorGain

OTHERS = tuple(prior for prior in PRIORS if prior != "real")
"""What may stand in the place of the real prior."""


def prior_gains(
    counted: Tally, studies: Sequence[Study], resampling: Resampling
) -> list[PriorGain]:
    """Return, per metric and pair, what the real prior is worth on the studies that have one.

    A pair is a model with its real prior and the same model with another: ``id`` and
    ``id@dummy``. The statistics are those of the whole run; the studies with a prior are resampled
    by the run's units as a test set of their own, as slices are, so that scoring these studies
    alone gives the same numbers. Holm's correction is over the pairs within a metric.
    """
    pairs = prior_pairs(list(counted.statistics))
    rows = np.array([study.has_prior is True for study in studies])
    if not pairs or not rows.any():
        return []
    subset = _of_systems(counted.subset(rows), pairs)
    scores = score_systems(subset, resampling)
    others = {pair: other for pair, (_, other) in pairs.items()}
    n = int(rows.sum())
    return [
        PriorGain(
            model=one.a,
            other=others[one.a, one.b],
            metric=one.metric,
            real=scores[one.a][one.metric],
            instead=scores[one.b][one.metric],
            difference=one,
            n=n,
        )
        for one in _compared(subset, list(pairs), resampling)
    ]


def prior_pairs(systems: Sequence[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the pairs of systems that differ in the prior only, with model and prior of each.

    >>> prior_pairs(["m", "m@dummy", "n@dummy"])
    {('m', 'm@dummy'): ('m', 'dummy')}
    """
    return {
        (model, system): (model, other)
        for model in systems
        for other in OTHERS
        if (system := system_name(model, other)) in systems
    }


def prior_counts(studies: Sequence[Study]) -> dict[str, Any]:
    """Return how many studies have a prior image, and what a model sees where there is none."""
    known = [study.has_prior for study in studies]
    return {
        "with_prior": known.count(True),
        "without_prior": known.count(False),
        "unknown": known.count(None),
        "missing_prior": "dummy",
    }


def _of_systems(counted: Tally, pairs: Mapping[tuple[str, str], object]) -> Tally:
    wanted = {system for pair in pairs for system in pair}
    kept = {name: arrays for name, arrays in counted.statistics.items() if name in wanted}
    return Tally(counted.selected, kept, counted.units)


def _compared(
    counted: Tally, pairs: Sequence[tuple[str, str]], resampling: Resampling
) -> list[PairedComparison]:
    found = compare_tally(
        counted,
        pairs=pairs,
        resamples=resampling.resamples,
        trials=TRIALS if resampling.resamples else 0,
        confidence=resampling.confidence,
        seed=resampling.seed,
    )
    if resampling.resamples:
        return found
    # without a single draw, the formula of the p-values gives 1, which would be an answer
    unknown = math.nan
    return [
        replace(one, p_bootstrap=unknown, p_randomisation=unknown, p_holm=unknown) for one in found
    ]


def gains_json(gains: Sequence[PriorGain]) -> dict[str, Any]:
    """Return the gains as ``scores.json`` holds them: by model, other prior and metric."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for gain in gains:
        by_metric = found.setdefault(gain.model, {}).setdefault(gain.other, {})
        by_metric[gain.metric] = _json(gain.real, gain.instead, gain.difference)
    return found


def _json(real: Score, instead: Score, one: PairedComparison) -> dict[str, Any]:
    numbers = {
        "difference": one.difference,
        "low": one.low,
        "high": one.high,
        "p_bootstrap": one.p_bootstrap,
        "p_randomisation": one.p_randomisation,
        "p_holm": one.p_holm,
        "real": real.score,
        "other": instead.score,
    }
    return {
        **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
        "confidence": real.confidence,
        "resamples": real.resamples,
        "method": "percentile",
        "unit": real.unit,
        "n_units": one.n_units,
        "undefined_resamples": one.undefined_resamples,
        "seed": real.seed,
        "signature": real.signature,
        "higher_is_better": real.higher_is_better,
        "n": min(real.n, instead.n),
    }
