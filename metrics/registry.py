"""The metrics there are: names, what they report, and where they live.

Looking up a metric imports its module only. Other distributions add metrics through entry
points of the group ``cxr_harness.metrics``; their names are prefixed ``package/name``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from metrics.conditions import AVERAGES, CONDITIONS, snake_case
from metrics.errors import InputError, MetricsError, MissingError
from metrics.metric import Metric

ENTRY_POINT_GROUP = "cxr_harness.metrics"


@dataclass(frozen=True)
class Entry:
    """Where a metric lives, and the names of the outputs that it reports."""

    target: str
    outputs: tuple[str, ...]


_CHEXBERT = (
    *(f"chexbert_{average}_f1_{n}" for n in (14, 5) for average in AVERAGES),
    *(f"chexbert_f1_{snake_case(condition)}" for condition in CONDITIONS),
    "chexbert_accuracy_5",
)

ENTRIES: dict[str, Entry] = {
    "bleu": Entry("metrics._bleu:Bleu", ("bleu1", "bleu2", "bleu3", "bleu4")),
    "bleu2_sentence": Entry("metrics._sentence_bleu:SentenceBleu2", ("bleu2",)),
    "meteor": Entry("metrics._meteor:Meteor", ("meteor",)),
    "rouge1": Entry("metrics._rouge:Rouge1", ("rouge1",)),
    "rouge2": Entry("metrics._rouge:Rouge2", ("rouge2",)),
    "rougeL": Entry("metrics._rouge:RougeL", ("rougeL",)),
    "chrf": Entry("metrics._chrf:Chrf", ("chrf",)),
    "cider": Entry("metrics._cider:Cider", ("cider",)),
    "temporal_f1": Entry("metrics._temporal_f1:TemporalF1", ("temporal_f1", "temporal_f1_present")),
    "temporal_direction": Entry(
        "metrics._temporal_direction:TemporalDirection",
        (
            "temporal_direction_precision",
            "temporal_direction_recall",
            "temporal_direction_f1",
            "temporal_direction_agreement",
            "temporal_direction_macro_f1",
        ),
    ),
    "prior_hallucination": Entry(
        "metrics._prior_hallucination:PriorHallucination",
        (
            "prior_hallucination",
            "prior_hallucination_references",
            "prior_hallucination_comparison_in_context",
            "prior_hallucination_no_comparison_in_context",
        ),
    ),
    "bertscore": Entry(
        "metrics._bertscore:BertScore", ("bertscore_precision", "bertscore_recall", "bertscore_f1")
    ),
    "radgraph": Entry(
        "metrics._radgraph:Radgraph",
        (
            "radgraph_simple",
            "radgraph_partial",
            "radgraph_complete",
            "radgraph_anatomy",
            "radgraph_observation_present",
            "radgraph_observation_uncertain",
            "radgraph_observation_absent",
        ),
    ),
    "radgraph_combined": Entry(
        "metrics._radgraph_combined:RadgraphCombined", ("radgraph_combined",)
    ),
    "chexbert": Entry("metrics._chexbert_f1:ChexbertF1", _CHEXBERT),
    "semb_score": Entry("metrics._semb_score:SembScore", ("semb_score",)),
    "radcliq": Entry(
        "metrics._radcliq:Radcliq", ("radcliq_v0", "radcliq_v1", "radcliq_v1_reciprocal")
    ),
    "ratescore": Entry("metrics._ratescore:RaTEScore", ("ratescore",)),
    "green": Entry("metrics._green:Green", ("green", "green_errors")),
    "green_style": Entry("metrics._green:GreenStyle", ("green_style", "green_style_errors")),
    "crimson": Entry("metrics._crimson:Crimson", ("crimson", "crimson_errors")),
    "crimson_style": Entry(
        "metrics._crimson:CrimsonStyle", ("crimson_style", "crimson_style_errors")
    ),
    "fineradscore_style": Entry(
        "metrics._fineradscore:FineRadScoreStyle",
        ("fineradscore_style", "fineradscore_style_errors"),
    ),
    "vqa": Entry(
        "metrics._vqa:Vqa", ("vqa_exact_match", "vqa_closed_accuracy", "vqa_token_recall")
    ),
}


def metric_class(name: str) -> type[Metric]:
    """Return the class registered under ``name``.

    Raises
    ------
    InputError
        If no metric has this name.
    MetricsError
        If a plug-in of this name cannot be imported.
    """
    if name in ENTRIES:
        module, _, attribute = ENTRIES[name].target.partition(":")
        found: type[Metric] = getattr(import_module(module), attribute)
        return found
    if name in plugins():
        return load_plugin(name)
    raise InputError(f"Unknown metric {name!r}. `cxr-harness list metrics` shows all.")


def outputs_of(name: str) -> tuple[str, ...]:
    """Return the names of the numbers that the metric reports."""
    if name in ENTRIES:
        return ENTRIES[name].outputs
    return tuple(output.name for output in metric_class(name).info.outputs)


@cache
def plugins() -> dict[str, EntryPoint]:
    """Return the metrics of other distributions, by prefixed name; imports none of them."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        owner = point.dist.name if point.dist else "unknown"
        found[f"{owner}/{point.name}"] = point
    return found


@cache
def plugin_outputs() -> dict[str, str]:
    """Return the plug-in that reports each output; one that cannot be imported is left out."""
    owners: dict[str, str] = {}
    for name in plugins():
        try:
            outputs = outputs_of(name)
        except MetricsError:
            continue
        for output in outputs:
            owners.setdefault(output, name)
    return owners


def load_plugin(name: str) -> type[Metric]:
    """Import one plug-in metric; a failure names the plug-in and its package."""
    point = plugins()[name]
    try:
        found = point.load()
    except Exception as error:
        raise MissingError(
            f"The plug-in metric {name!r} ({point.value}) cannot be imported: "
            f"{type(error).__name__}: {error}. Mend or uninstall its package."
        ) from error
    if not (isinstance(found, type) and issubclass(found, Metric)):
        raise MissingError(f"The plug-in metric {name!r} ({point.value}) is no Metric class.")
    return found


def make(name: str, settings: Mapping[str, Any], **common: Any) -> Metric:
    """Build a metric; ``common`` ones, such as the treatment, reach it if it has such settings."""
    found = metric_class(name)
    own = {field.name for field in fields(found)}
    taken = {key: value for key, value in common.items() if key in own}
    return found(**{**taken, **settings})
