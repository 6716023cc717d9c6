"""The laws of every metric, for those that read texts with a model: tiny ones, few examples."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.metric import Metric
from tests.property import laws
from tests.property.laws import Rows
from tests.property.test_laws import every_metric
from tests.strategies import pairs, report_like, texts
from tests.tiny_weights import fill_with_tiny_weights

by_signature = pytest.mark.parametrize(
    "metric", [m for m in every_metric() if m.weights], ids=lambda m: m.signature
)
seldom = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
pytestmark = pytest.mark.filterwarnings("ignore::metrics.errors.MetricsWarning")


@pytest.fixture(autouse=True, scope="module")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXR_HARNESS_WEIGHTS", str(fill_with_tiny_weights(folder / "weights")))
        patch.setenv("CXR_HARNESS_CACHE", str(folder / "cache"))
        yield


@by_signature
def test_nothing_is_lacking(metric: Metric) -> None:
    assert [] == metric.lacking


@by_signature
@seldom
@given(rows=pairs)
def test_scores_stay_within_their_bounds(metric: Metric, rows: Rows) -> None:
    laws.check_bounds(metric, rows)


@by_signature
@seldom
@given(rows=pairs, order=st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(metric: Metric, rows: Rows, order: Random) -> None:
    laws.check_order(metric, rows, order)


@by_signature
@seldom
@given(rows=pairs)
def test_each_sample_counts_alone_as_it_counts_among_others(metric: Metric, rows: Rows) -> None:
    laws.check_alone(metric, rows)


@by_signature
@seldom
@given(rows=pairs)
def test_reduce_is_vectorised_over_leading_axes(metric: Metric, rows: Rows) -> None:
    laws.check_vectorised(metric, rows)


@by_signature
def test_one_empty_text_does_not_raise(metric: Metric) -> None:
    laws.check_empty(metric)


@by_signature
@seldom
@given(text=report_like, reference=texts)
def test_spans_lie_within_the_texts(metric: Metric, text: str, reference: str) -> None:
    laws.check_spans(metric, text, reference)
