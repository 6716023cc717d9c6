"""Laws that hold for every registered metric."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.metric import Metric
from metrics.protocols import PROTOCOLS
from metrics.registry import ENTRIES, metric_class, outputs_of
from metrics.samples import Samples, TestSet
from metrics.selection import select
from tests.strategies import pairs, report_like, texts

CONTEXTS = ({"comparison": "None."}, {"comparison": "Radiograph from yesterday."}, {})


def every_metric() -> list[Metric]:
    found = [metric_class(name)() for name in ENTRIES]
    found += [one.metric for name in PROTOCOLS for one in select([name])]
    return list({metric.signature: metric for metric in found}.values())


METRICS = every_metric()
by_signature = pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.signature)
laws = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def samples_of(rows: list[tuple[str, str]]) -> Samples:
    n = len(rows)
    test_set = TestSet(
        [str(i) for i in range(n)],
        [[reference] for _, reference in rows],
        has_prior=[i % 2 == 0 for i in range(n)],
        contexts=[CONTEXTS[i % 3] for i in range(n)],
    )
    return Samples.of([prediction for prediction, _ in rows], test_set)


def statistics_of(metric: Metric, rows: list[tuple[str, str]]) -> np.ndarray:
    samples = samples_of(rows)
    return metric.fit(samples).statistics(samples)


def test_the_registry_names_the_outputs_of_every_metric() -> None:
    for name in ENTRIES:
        assert outputs_of(name) == tuple(o.name for o in metric_class(name).info.outputs)


@by_signature
@laws
@given(rows=pairs)
def test_scores_stay_within_their_bounds(metric: Metric, rows: list[tuple[str, str]]) -> None:
    statistics = statistics_of(metric, rows)
    assert np.isfinite(statistics).all()
    for scores in (metric.reduce(statistics.sum(0)), *metric.per_sample(statistics)):
        for output, score in zip(metric.info.outputs, scores, strict=True):
            low, high = output.bounds
            assert np.isnan(score) or low - 1e-9 <= score <= high + 1e-9


@by_signature
@laws
@given(rows=pairs, order=st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(
    metric: Metric, rows: list[tuple[str, str]], order: object
) -> None:
    samples = samples_of(rows)
    fitted = metric.fit(samples)
    one = fitted.statistics(samples)
    positions = list(range(len(rows)))
    order.shuffle(positions)  # type: ignore[attr-defined]
    test_set = samples.test_set
    shuffled = TestSet(
        [test_set.ids[i] for i in positions],
        [test_set.references[i] for i in positions],
        [test_set.has_prior[i] for i in positions],  # type: ignore[index]
        [test_set.contexts[i] for i in positions],  # type: ignore[index]
    )
    other = fitted.statistics(Samples.of([rows[i][0] for i in positions], shuffled))
    np.testing.assert_array_equal(one[positions], other)


@by_signature
@laws
@given(rows=pairs)
def test_each_sample_counts_alone_as_it_counts_among_others(
    metric: Metric, rows: list[tuple[str, str]]
) -> None:
    samples = samples_of(rows)
    fitted = metric.fit(samples)
    together = fitted.statistics(samples)
    for i in range(len(rows)):
        alone = Samples.of([rows[i][0]], samples.test_set.slice(i, i + 1))
        np.testing.assert_array_equal(together[i : i + 1], fitted.statistics(alone))


@by_signature
@laws
@given(rows=pairs)
def test_reduce_is_vectorised_over_leading_axes(
    metric: Metric, rows: list[tuple[str, str]]
) -> None:
    statistics = statistics_of(metric, rows)
    stacked = np.stack([statistics, statistics * 2])
    for leading, part in zip(metric.reduce(stacked), stacked, strict=True):
        np.testing.assert_array_equal(leading, metric.reduce(part))


@by_signature
def test_one_empty_text_does_not_raise(metric: Metric) -> None:
    rows = [("", "the lungs are clear"), ("the lungs are clear", ""), ("", "")]
    scores = metric.reduce(statistics_of(metric, rows).sum(0))
    assert len(metric.info.outputs) == scores.shape[-1]


@by_signature
@laws
@given(text=report_like, reference=texts)
def test_spans_lie_within_the_texts(metric: Metric, text: str, reference: str) -> None:
    sides = {"prediction": text, "reference": reference}
    for span in metric.spans(text, [reference]):
        assert 0 <= span.start < span.end <= len(sides[span.side])


@pytest.mark.parametrize("name", ENTRIES)
def test_every_setting_is_in_the_signature(name: str) -> None:
    metric = metric_class(name)()
    for field in fields(metric):
        if field.init:
            value = getattr(metric, field.name)
            other = not value if isinstance(value, bool) else f"{value}x"
            changed = object.__new__(type(metric))
            for f in fields(metric):
                object.__setattr__(changed, f.name, getattr(metric, f.name, None))
            object.__setattr__(changed, field.name, other)
            assert metric.signature != changed.signature
    assert metric == replace(metric)
