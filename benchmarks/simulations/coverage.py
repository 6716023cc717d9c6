"""How often 95 % intervals hold the true score, by patient and by study.

``python -m benchmarks.simulations.coverage --datasets 2000`` prints a Markdown table.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.simulations.patients import REDUCES, TestSet, simulate
from metrics.statistics import Interval, Units, confidence_intervals

_POPULATION = 500_000
_PERCENTILE_RESAMPLES = 1000
_BCA_RESAMPLES = 5000
_COLUMNS = ("percentile by patient", "BCa by patient", "percentile by study (naive)")


def true_scores(seed: int) -> dict[str, float]:
    """Return the scores of half a million patients, whose own error is negligible."""
    population = simulate(_POPULATION, np.random.default_rng([seed, 0]))
    return {
        name: float(REDUCES[name](array.sum(axis=0))[0])
        for name, array in population.statistics.items()
    }


def intervals(test_set: TestSet, seed: int) -> Iterator[tuple[str, dict[str, list[Interval]]]]:
    """Yield the intervals of all metrics for each column of the table."""
    n_studies = test_set.patients.size
    by_patient = Units.from_clusters(test_set.patients.tolist(), n_studies)
    by_study = Units.from_clusters(None, n_studies)
    for column, units in zip(_COLUMNS, (by_patient, by_patient, by_study), strict=True):
        bca = column.startswith("BCa")
        yield (
            column,
            confidence_intervals(
                test_set.statistics,
                REDUCES,
                units,
                resamples=_BCA_RESAMPLES if bca else _PERCENTILE_RESAMPLES,
                seed=seed,
                method="bca" if bca else "percentile",
            ),
        )


def coverage(
    truth: dict[str, float], n_patients: int, datasets: int, seed: int
) -> dict[tuple[str, str], float]:
    """Return by (metric, column) the share of test sets whose interval holds the true score."""
    held: Counter[tuple[str, str]] = Counter()
    for dataset in range(datasets):
        generator = np.random.default_rng([seed, n_patients, dataset])
        draws_seed = int(generator.integers(2**32))
        for column, by_metric in intervals(simulate(n_patients, generator), draws_seed):
            for metric, (interval,) in by_metric.items():
                held[metric, column] += interval.low <= truth[metric] <= interval.high
    return {(metric, c): held[metric, c] / datasets for metric in truth for c in _COLUMNS}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of coverage in percent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=2000)
    parser.add_argument("--patients", type=int, nargs="+", default=[30, 100, 300])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    truth = true_scores(options.seed)
    print("| patients | metric | " + " | ".join(_COLUMNS) + " |")
    print("|--:|---|" + "--:|" * len(_COLUMNS))
    for n_patients in options.patients:
        shares = coverage(truth, n_patients, options.datasets, options.seed)
        for metric in REDUCES:
            cells = " | ".join(f"{100 * shares[metric, column]:.1f}" for column in _COLUMNS)
            print(f"| {n_patients} | {metric} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
