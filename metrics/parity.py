"""Run the official packages beside ours on the same texts, and say how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any

from metrics.evaluation import System, compute_statistics
from metrics.metric import Metric
from metrics.official import OfficialScores
from metrics.samples import Samples, TestSet
from metrics.selection import Selected

TOLERANCE = 1e-9
"""For everything that is counted; what a neural network computes is equal to `NEURAL`."""
NEURAL = 5e-5

_OFFICIAL = {
    "bertscore": "metrics.official.bertscore",
    "bleu": "metrics.official.bleu",
    "bleu2_sentence": "metrics.official.rexrank",
    "chexbert": "metrics.official.chexbert",
    "chrf": "metrics.official.chrf",
    "cider": "metrics.official.cider",
    "meteor": "metrics.official.meteor",
    "radgraph": "metrics.official.radgraph",
    "radgraph_combined": "metrics.official.radgraph:combined_scores",
    "rouge1": "metrics.official.rouge",
    "rouge2": "metrics.official.rouge",
    "rougeL": "metrics.official.rouge",
    "semb_score": "metrics.official.chexbert:semb_scores",
}
"""Modules with a function ``scores``, unless another one is named."""
_NEURAL = ("bertscore", "semb_score")


@dataclass(frozen=True)
class Parity:
    """One output under both engines.

    ``largest`` is the largest difference of the corpus score and of any sample's score. Metrics
    without an official package have ``official`` None and nothing to differ from. Up to
    ``tolerance`` they count as equal.
    """

    metric: str
    official: float | None
    ours: float
    largest: float | None
    engine: str
    tolerance: float = TOLERANCE

    @property
    def equal(self) -> bool:
        """Whether the engines agree, or there is no official one."""
        return self.largest is None or self.largest <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain values; undefined numbers are None."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: None if _undefined(v) else v for k, v in values.items()} | {"equal": self.equal}

    def cells(self) -> list[str]:
        """Return the row for a table."""
        official = "no official package" if self.official is None else f"{self.official:.12f}"
        largest = "" if self.largest is None else f"{self.largest:.1e}"
        return [self.metric, official, f"{self.ours:.12f}", largest, self.engine]


def compare_engines(
    selected: Sequence[Selected], test_set: TestSet, predictions: Sequence[str]
) -> list[Parity]:
    """Return, for every output asked for, how far the official package's numbers are from ours.

    Raises
    ------
    MissingError
        If an official package is not installed.
    """
    metrics = [one.metric for one in selected]
    fitted, statistics = compute_statistics(metrics, test_set, {"system": System(predictions)})
    rows = []
    for one, metric, array in zip(selected, fitted, statistics["system"], strict=True):
        official = _official(metric, test_set, predictions)
        corpus, samples = metric.reduce(array.sum(axis=0)), metric.per_sample(array)
        for key, column in one.columns.items():
            name = metric.info.outputs[column].name
            ours = [float(corpus[column]), *samples[:, column].tolist()]
            rows.append(_row(key, name, ours, official, metric.info.name))
    return rows


def _official(
    metric: Metric, test_set: TestSet, predictions: Sequence[str]
) -> OfficialScores | None:
    module = _OFFICIAL.get(metric.info.name)
    if module is None:
        return None
    settings = {f.name: getattr(metric, f.name) for f in fields(metric) if f.init}
    treatment = settings.pop("treatment", "raw")
    # the packages have no other
    settings.pop("precision", None)
    samples = Samples.of(predictions, test_set).prepared(treatment)
    place, _, function = module.partition(":")
    score = getattr(import_module(place), function or "scores")
    found: OfficialScores = score(samples.predictions, samples.references, **settings)
    return found


def _row(
    key: str, name: str, ours: Sequence[float], official: OfficialScores | None, metric: str
) -> Parity:
    if official is None or name not in official.corpus:
        return Parity(key, None, ours[0], None, "")
    theirs = [official.corpus[name], *_per_sample(official.per_sample, name)]
    largest = max(_difference(a, b) for a, b in zip(ours, theirs, strict=False))
    engine = _OFFICIAL[metric].partition(":")[0].rpartition(".")[2]
    tolerance = NEURAL if metric in _NEURAL else TOLERANCE
    return Parity(key, theirs[0], ours[0], largest, engine, tolerance)


def _per_sample(values: Mapping[str, Sequence[float]], name: str) -> Sequence[float]:
    return values.get(name, ())


def _difference(one: float, other: float) -> float:
    if math.isnan(one) and math.isnan(other):
        return 0.0
    return math.inf if math.isnan(one - other) else abs(one - other)


def _undefined(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
