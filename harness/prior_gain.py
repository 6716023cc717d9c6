"""What the prior image is worth: a model's scores with the real prior against those without it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.study import Study
from harness.system_names import system_name
from metrics.comparison import TRIALS, compare_tally
from metrics.results import Score
from metrics.scoring import Resampling, Tally, score_systems
from metrics.statistics import PairedComparison, holm
from models.adapter import PRIORS
from reports.report_data import PriorGain

OTHERS = tuple(prior for prior in PRIORS if prior != "real")
"""What may stand in the place of the real prior."""


def prior_gains(
    counted: Tally,
    studies: Sequence[Study],
    resampling: Resampling,
    unanswered: Mapping[str, Sequence[bool]] | None = None,
) -> list[PriorGain]:
    """Return, per metric and pair, what the real prior is worth on the studies that have one.

    A pair is a model with its real prior and the same model with another: ``id`` and
    ``id@dummy``. A study that one of a model's modes did not answer (``unanswered`` says so by
    system) counts in none of its pairs: a prior image that cannot be read would fail the real
    mode alone. The statistics are those of the whole run; the studies left are resampled by the
    run's units as a test set of their own, as slices are, so that scoring these studies alone
    gives the same numbers. Holm's correction is over all pairs within a metric.
    """
    pairs = prior_pairs(list(counted.statistics))
    with_prior = np.array([study.has_prior is True for study in studies])
    found: list[PriorGain] = []
    for model in dict.fromkeys(model for model, _ in pairs.values()):
        own = {pair: other for pair, (name, other) in pairs.items() if name == model}
        lost = [unanswered[system] for system in _systems(own)] if unanswered else []
        kept = with_prior & ~np.any(lost, axis=0) if lost else with_prior
        if kept.any():
            left_out = int(with_prior.sum() - kept.sum())
            found += _of_model(_subset(counted, kept, own), model, own, resampling, left_out)
    return _with_holm(found, list(counted.outputs()))


def _of_model(
    counted: Tally,
    model: str,
    others: Mapping[tuple[str, str], str],
    resampling: Resampling,
    left_out: int,
) -> list[PriorGain]:
    scores = score_systems(counted, resampling)
    return [
        PriorGain(
            model=model,
            other=others[one.a, one.b],
            metric=one.metric,
            real=scores[one.a][one.metric],
            instead=scores[one.b][one.metric],
            difference=one,
            n=counted.n,
            left_out=left_out,
        )
        for one in _compared(counted, list(others), resampling)
    ]


def _with_holm(gains: Sequence[PriorGain], metrics: Sequence[str]) -> list[PriorGain]:
    """Return the gains metric by metric, corrected over the pairs of all models."""
    found: list[PriorGain] = []
    for metric in metrics:
        own = [gain for gain in gains if gain.metric == metric]
        corrected = holm([gain.difference.p_randomisation for gain in own]).tolist()
        found += [
            replace(gain, difference=replace(gain.difference, p_holm=p))
            for gain, p in zip(own, corrected, strict=True)
        ]
    return found


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


def _systems(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return list(dict.fromkeys(system for pair in pairs for system in pair))


def _subset(counted: Tally, rows: np.ndarray, pairs: Iterable[tuple[str, str]]) -> Tally:
    wanted = _systems(pairs)
    kept = {name: arrays for name, arrays in counted.statistics.items() if name in wanted}
    return Tally(counted.selected, kept, counted.units).subset(rows)


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
        numbers = _json(gain.real, gain.instead, gain.difference)
        by_metric[gain.metric] = {**numbers, "left_out": gain.left_out}
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
