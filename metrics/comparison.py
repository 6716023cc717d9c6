"""Paired comparisons between systems that were scored on the same studies."""

from __future__ import annotations

from collections.abc import Sequence

from metrics.errors import InputError
from metrics.metric import FloatArray
from metrics.scoring import Tally
from metrics.selection import Selected
from metrics.statistics import PairedComparison, Scorer, compare_systems

TRIALS = 10_000


def compare_tally(
    counted: Tally,
    *,
    metrics: Sequence[str] | None = None,
    baseline: str | None = None,
    pairs: Sequence[tuple[str, str]] | None = None,
    resamples: int = 1000,
    trials: int = TRIALS,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[PairedComparison]:
    """Test every pair of systems, or each against ``baseline``, or ``pairs``, on every metric.

    All pairs and metrics share the same resamples and the same swaps. The order is that of the
    metrics, then of the pairs.

    Raises
    ------
    InputError
        If there are fewer than two systems, or ``metrics`` or ``baseline`` names none of them.
    """
    wanted = _wanted(list(counted.outputs()), metrics)
    scorers = {str(i): _scorer(one, wanted) for i, one in enumerate(counted.selected)}
    scorers = {key: scorer for key, scorer in scorers.items() if scorer.outputs}
    arrays = {(name, str(i)): array for (name, i), array in counted.by_system_and_metric().items()}
    return compare_systems(
        arrays,
        scorers,
        counted.units,
        resamples=resamples,
        trials=trials,
        seed=seed,
        confidence=confidence,
        pairs=_pairs(list(counted.statistics), baseline) if pairs is None else pairs,
    )


def _scorer(one: Selected, wanted: Sequence[str]) -> Scorer:
    columns = {key: column for key, column in one.columns.items() if key in wanted}
    indices = list(columns.values())

    def reduce(totals: FloatArray) -> FloatArray:
        return one.metric.reduce(totals)[..., indices]

    return Scorer(tuple(columns), reduce)


def _pairs(systems: list[str], baseline: str | None) -> list[tuple[str, str]] | None:
    if len(systems) < 2:
        raise InputError(f"A comparison needs two systems; there is {len(systems)}. Score more.")
    if baseline is None:
        return None
    if baseline not in systems:
        raise InputError(f"No system is called {baseline!r}. There are: {', '.join(systems)}.")
    return [(name, baseline) for name in systems if name != baseline]


def _wanted(scored: list[str], metrics: Sequence[str] | None) -> list[str]:
    for name in metrics or ():
        if name not in scored:
            raise InputError(f"Metric {name!r} was not scored. Scored were: {', '.join(scored)}.")
    return list(metrics or scored)
