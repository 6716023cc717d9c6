"""Laws that hold for every metric: each tries one on drawn texts and yields what must be equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from metrics.metric import FloatArray, Metric
from metrics.samples import Samples, TestSet

CONTEXTS = ({"comparison": "None."}, {"comparison": "Radiograph from yesterday."}, {})
Rows = list[tuple[str, str]]
Equals = Iterator[tuple[NDArray[Any], NDArray[Any]]]
"""Pairs of arrays, expected first."""


def samples_of(rows: Rows) -> Samples:
    n = len(rows)
    test_set = TestSet(
        [str(i) for i in range(n)],
        [[reference] for _, reference in rows],
        has_prior=[i % 2 == 0 for i in range(n)],
        contexts=[CONTEXTS[i % 3] for i in range(n)],
    )
    return Samples.of([prediction for prediction, _ in rows], test_set)


def statistics_of(metric: Metric, rows: Rows) -> FloatArray:
    samples = samples_of(rows)
    return metric.fit(samples).statistics(samples)


def scores_stay_within_their_bounds(metric: Metric, rows: Rows) -> Equals:
    statistics = statistics_of(metric, rows)
    yield np.ones(statistics.shape, bool), np.isfinite(statistics)
    for scores in (metric.reduce(statistics.sum(0)), *metric.per_sample(statistics)):
        low, high = np.array([output.bounds for output in metric.outputs]).T
        inside = np.isnan(scores) | ((low - 1e-9 <= scores) & (scores <= high + 1e-9))
        yield np.ones(len(metric.outputs), bool), inside


def the_order_of_samples_does_not_matter(metric: Metric, rows: Rows) -> Equals:
    samples = samples_of(rows)
    fitted = metric.fit(samples)
    one = fitted.statistics(samples)
    positions = list(range(len(rows)))
    Random(0).shuffle(positions)
    test_set = samples.test_set
    shuffled = TestSet(
        [test_set.ids[i] for i in positions],
        [test_set.references[i] for i in positions],
        [test_set.has_prior[i] for i in positions],  # type: ignore[index]
        [test_set.contexts[i] for i in positions],  # type: ignore[index]
    )
    other = fitted.statistics(Samples.of([rows[i][0] for i in positions], shuffled))
    yield one[positions], other


def each_sample_counts_alone_as_among_others(metric: Metric, rows: Rows) -> Equals:
    samples = samples_of(rows)
    fitted = metric.fit(samples)
    together = fitted.statistics(samples)
    for i in range(len(rows)):
        alone = Samples.of([rows[i][0]], samples.test_set.slice(i, i + 1))
        yield together[i : i + 1], fitted.statistics(alone)


def reduce_is_vectorised_over_leading_axes(metric: Metric, rows: Rows) -> Equals:
    statistics = statistics_of(metric, rows)
    stacked = np.stack([statistics, statistics * 2])
    for leading, part in zip(metric.reduce(stacked), stacked, strict=True):
        yield metric.reduce(part), leading


Law = Callable[[Metric, Rows], Equals]
each = pytest.mark.parametrize(
    "law",
    [
        scores_stay_within_their_bounds,
        the_order_of_samples_does_not_matter,
        each_sample_counts_alone_as_among_others,
        reduce_is_vectorised_over_leading_axes,
    ],
    ids=lambda law: law.__name__,
)


def check_empty(metric: Metric) -> None:
    rows = [("", "the lungs are clear"), ("the lungs are clear", ""), ("", "")]
    scores = metric.reduce(statistics_of(metric, rows).sum(0))
    assert len(metric.info.outputs) == scores.shape[-1]


def check_spans(metric: Metric, text: str, reference: str) -> None:
    sides = {"prediction": text, "reference": reference}
    for span in metric.spans(text, [reference]):
        assert 0 <= span.start < span.end <= len(sides[span.side])
