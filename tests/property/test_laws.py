"""Laws that hold for every registered metric that needs no model."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from metrics.judges import JudgeSettings
from metrics.judges.judged import JudgedMetric
from metrics.metric import Metric
from metrics.protocols import PROTOCOLS
from metrics.registry import ENTRIES, metric_class, outputs_of
from metrics.selection import select
from tests.property import laws
from tests.property.laws import Rows
from tests.strategies import pairs, report_like, texts

GOLDEN = Path(__file__).parents[1] / "golden"
OTHERS: dict[str, Any] = {
    "annotator": "radgraph-xl",
    "baseline_file": str(GOLDEN / "bertscore" / "baselines.tsv"),
    "judge": JudgeSettings("m", "http://localhost:8000/v1"),
    "layer": 3,
    "matrix": "short",
    "model": "distilroberta-base",
    "precision": "bfloat16",
}
"""Other values of settings that do not take just any."""


def every_metric() -> list[Metric]:
    """Return each metric in each of its settings; a judge has to be asked."""
    found = [metric_class(name)() for name in ENTRIES]
    found += [one.metric for name in PROTOCOLS for one in select([name], wordings={})]
    unique = {metric.signature: metric for metric in found}
    return [metric for metric in unique.values() if not isinstance(metric, JudgedMetric)]


by_signature = pytest.mark.parametrize(
    "metric", [m for m in every_metric() if not m.weights], ids=lambda m: m.signature
)
often = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_the_registry_names_the_outputs_of_every_metric() -> None:
    for name in ENTRIES:
        assert outputs_of(name) == tuple(o.name for o in metric_class(name).info.outputs)


@by_signature
@laws.each
@often
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
@often
@given(text=report_like, reference=texts)
def test_spans_lie_within_the_texts(metric: Metric, text: str, reference: str) -> None:
    laws.check_spans(metric, text, reference)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_setting_is_in_the_signature(name: str) -> None:
    metric = metric_class(name)()
    for field in fields(metric):
        if field.init:
            value = getattr(metric, field.name)
            other = OTHERS.get(field.name, f"{value}x")
            changed = object.__new__(type(metric))
            for f in fields(metric):
                object.__setattr__(changed, f.name, getattr(metric, f.name, None))
            object.__setattr__(changed, field.name, not value if isinstance(value, bool) else other)
            assert metric.signature != changed.signature
    assert metric == replace(metric)
