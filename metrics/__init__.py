"""Metrics of chest X-ray reports: exact, fast, with intervals.

>>> from metrics import score
>>> table = score(["no effusion"], ["no pleural effusion"], metrics=["rouge"], resamples=0)
>>> table.systems["system"].metrics["rouge1"].score
0.8
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metrics._radcliq_composite import radcliq_composite
    from metrics._radgraph_rewards import radgraph_rewards
    from metrics._temporal_direction import direction_confusion
    from metrics._temporal_f1 import temporal_f1_score
    from metrics.api import (
        bertscore,
        bleu,
        chexbert_f1,
        chrf,
        cider,
        meteor,
        radgraph_f1,
        rouge,
        rouge_l,
        score,
        temporal_direction,
    )
    from metrics.errors import InputError, MissingError
    from metrics.metric_result import MetricResult
    from metrics.report_evaluation import evaluate_report
    from metrics.results import ScoreTable

_HOMES = {
    "InputError": "metrics.errors",
    "MetricResult": "metrics.metric_result",
    "MissingError": "metrics.errors",
    "ScoreTable": "metrics.results",
    "bertscore": "metrics.api",
    "bleu": "metrics.api",
    "chexbert_f1": "metrics.api",
    "chrf": "metrics.api",
    "cider": "metrics.api",
    "direction_confusion": "metrics._temporal_direction",
    "evaluate_report": "metrics.report_evaluation",
    "meteor": "metrics.api",
    "radcliq_composite": "metrics._radcliq_composite",
    "radgraph_f1": "metrics.api",
    "radgraph_rewards": "metrics._radgraph_rewards",
    "rouge": "metrics.api",
    "rouge_l": "metrics.api",
    "score": "metrics.api",
    "temporal_direction": "metrics.api",
    "temporal_f1_score": "metrics._temporal_f1",
}

__all__ = [
    "InputError",
    "MetricResult",
    "MissingError",
    "ScoreTable",
    "bertscore",
    "bleu",
    "chexbert_f1",
    "chrf",
    "cider",
    "direction_confusion",
    "evaluate_report",
    "meteor",
    "radcliq_composite",
    "radgraph_f1",
    "radgraph_rewards",
    "rouge",
    "rouge_l",
    "score",
    "temporal_direction",
    "temporal_f1_score",
]


def __getattr__(name: str) -> Any:
    # imported when first used, so that `import metrics` costs nothing
    if name not in _HOMES:
        raise AttributeError(f"module 'metrics' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
