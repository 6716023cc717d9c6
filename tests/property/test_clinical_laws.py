"""The laws of every metric, for those that read texts with a model: tiny ones, few examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from metrics.metric import Metric
from tests.property import laws
from tests.property.laws import Rows
from tests.property.test_laws import every_metric
from tests.strategies import pairs, report_like, texts
from tests.tiny_weights import tiny_weights

__all__ = ["tiny_weights"]

by_signature = pytest.mark.parametrize(
    "metric", [m for m in every_metric() if m.weights], ids=lambda m: m.signature
)
seldom = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
pytestmark = [
    pytest.mark.filterwarnings("ignore::metrics.errors.MetricsWarning"),
    pytest.mark.usefixtures("tiny_weights"),
]


@by_signature
def test_nothing_is_lacking(metric: Metric) -> None:
    assert [] == metric.lacking


@by_signature
@laws.each
@seldom
@given(rows=pairs)
def test_a_law_holds(metric: Metric, law: laws.Law, rows: Rows) -> None:
    tried = list(law(metric, rows))
    assert tried
    for expected, found in tried:
        np.testing.assert_array_equal(expected, found)


@by_signature
def test_one_empty_text_does_not_raise(metric: Metric) -> None:
    laws.check_empty(metric)


@by_signature
@seldom
@given(text=report_like, reference=texts)
def test_spans_lie_within_the_texts(metric: Metric, text: str, reference: str) -> None:
    laws.check_spans(metric, text, reference)
