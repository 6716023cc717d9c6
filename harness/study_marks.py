"""The pieces of texts that a report marks: what each metric matched, missed and found invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metrics.metric import Metric, Span
from metrics.selection import Selected


def marking_metrics(selected: Sequence[Selected]) -> tuple[dict[str, Metric], str]:
    """Return the metrics that mark texts, by what to call them, and a note on those that cannot.

    A run that is opened again has its scores, but perhaps not the weights that made them.
    """
    found: dict[str, Metric] = {}
    unmarked: dict[str, None] = {}
    for one in selected:
        if type(one.metric).spans is Metric.spans:
            continue
        name = _name(one.metric)
        if has_its_weights(one):
            # two treatments of one metric mark the same raw texts: the first one's are shown
            found.setdefault(name, one.metric)
        else:
            unmarked[name] = None
    if not unmarked:
        return found, ""
    return found, f"Not marked, since weights are not on this machine: {', '.join(unmarked)}."


def has_its_weights(one: Selected) -> bool:
    """Return whether the weights that made the metric's scores are on this machine."""
    return not one.metric.lacking and one.signature == one.metric.signature


def marks(
    metrics: Mapping[str, Metric], prediction: str, references: Sequence[str]
) -> list[tuple[str, Span]]:
    """Return what each metric marks in one pair of raw texts."""
    return [
        (name, span)
        for name, metric in metrics.items()
        for span in metric.spans(prediction, references)
    ]


def _name(metric: Metric) -> str:
    """Return the metric's name, with its annotator where that has another."""
    name = metric.info.name
    others = [annotator for annotator in metric.annotators if annotator != name]
    return f"{name} ({', '.join(others)})" if others else name
