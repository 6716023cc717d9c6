"""What notebooks import: one function per metric, and ``score`` for many metrics and systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from metrics.errors import InputError
from metrics.evaluation import System
from metrics.files.quoting import quoted
from metrics.metric import Metric
from metrics.metric_result import MetricResult
from metrics.metric_settings import Settings
from metrics.results import ScoreTable
from metrics.samples import TestSet
from metrics.scoring import Resampling, score_table, tally
from metrics.selection import select
from metrics.statistics import Method, Units
from metrics.texts import prediction_list, reference_lists

Texts = Iterable[str]
References = Iterable[str | Sequence[str]]
SYSTEM = "system"
"""The name of a system that was given without one."""


def score(
    predictions: Texts | Mapping[str, Texts],
    references: References,
    *,
    metrics: Sequence[str] | str | None = None,
    protocol: str = "default",
    settings: Settings | None = None,
    ids: Iterable[str] | None = None,
    clusters: Iterable[Hashable] | None = None,
    has_prior: Iterable[bool | None] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    method: Method = "percentile",
    seed: int = 0,
    processes: int = 1,
) -> ScoreTable:
    """Score one system or several on the same references, with intervals.

    Parameters
    ----------
    predictions
        A list of texts, or ``{system name: list of texts}``; pandas Series are lists too.
    references
        One text per sample, or a list of texts per sample.
    metrics
        Names of metrics, families or protocols; the protocol's own set if None.
    settings
        What differs from the metrics' own and the protocol's settings, such as
        ``{"radgraph": {"matching": "github"}}``.
    ids, clusters, has_prior
        Per sample: a unique id, the patient (the unit of resampling), whether there is a prior.
    processes
        Processes to spread the texts over; the scores do not depend on it.

    Raises
    ------
    InputError
        If lengths differ, a text is not a string, an id is there twice, or a name or setting is
        unknown.

    >>> table = score(["no effusion"], ["no pleural effusion"], metrics=["rougeL"], resamples=0)
    >>> table.systems["system"].metrics["rougeL"].score
    0.8
    """
    texts = reference_lists(references)
    names = [str(i) for i in ids] if ids is not None else [str(i) for i in range(len(texts))]
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(f"ids has {quoted(name)} {count} times. Give every sample its own.")
    test_set = TestSet(names, texts, None if has_prior is None else list(has_prior))
    if not isinstance(predictions, Mapping):
        predictions = {SYSTEM: predictions}
    systems = {name: System(prediction_list(p)) for name, p in predictions.items()}
    units = Units.from_clusters(None if clusters is None else list(clusters), len(texts))
    resampling = Resampling.of(resamples, confidence, method, seed)
    wanted = [metrics] if isinstance(metrics, str | Metric) else metrics
    selected = select(wanted, protocol, settings=settings)
    counted = tally(selected, test_set, systems, units, processes)
    return score_table(counted, resampling, test_set)


def bleu(predictions: Texts, references: References, protocol: str = "default") -> MetricResult:
    """Return BLEU-1 to BLEU-4 (those that the protocol defines).

    Source: Papineni et al. 2002; definitions per protocol in ``docs/metrics/lexical.md``.

    >>> bleu(["the lungs are clear"], ["the lungs are clear"]).scores["bleu4"]
    1.0
    """
    return _result("bleu", predictions, references, protocol)


def meteor(predictions: Texts, references: References, protocol: str = "default") -> MetricResult:
    """Return METEOR as NLTK computes it (alpha 0.9, beta 3, gamma 0.5), mean over samples.

    >>> meteor(["clear"], ["clear"]).scores["meteor"]
    0.5
    """
    return _result("meteor", predictions, references, protocol)


def rouge(predictions: Texts, references: References, protocol: str = "default") -> MetricResult:
    """Return the F1 of ROUGE-1, ROUGE-2 and ROUGE-L as plain means over samples."""
    return _result("rouge", predictions, references, protocol)


def rouge_l(predictions: Texts, references: References, protocol: str = "default") -> MetricResult:
    """Return the F1 of ROUGE-L as the plain mean over samples.

    >>> rouge_l(["no effusion"], ["no pleural effusion"]).scores["rougeL"]
    0.8
    """
    return _result("rougeL", predictions, references, protocol)


def chrf(predictions: Texts, references: References, protocol: str = "default") -> MetricResult:
    """Return chrF with sacreBLEU's defaults, as a fraction."""
    return _result("chrf", predictions, references, protocol)


def cider(predictions: Texts, references: References, protocol: str = "default") -> MetricResult:
    """Return CIDEr-D with the idf of these references, on coco-caption's scale (0 to 10)."""
    return _result("cider", predictions, references, protocol)


def temporal_direction(predictions: Texts, references: References) -> MetricResult:
    """Return precision, recall, F1 and agreement over (finding, side, change) tuples."""
    return _result("temporal_direction", predictions, references, "default")


def bertscore(
    predictions: Texts, references: References, protocol: str = "default", **settings: Any
) -> MetricResult:
    """Return BERTScore's precision, recall and F1, equal to bert-score's, as means over samples.

    ``settings`` are ``model``, ``layer``, ``idf``, ``rescale``, ``baseline_file`` and
    ``precision``.

    Raises
    ------
    InputError
        If a setting is unknown or wrong.
    MissingError
        If the encoder's weights are not on this machine.
    """
    return _result("bertscore", predictions, references, protocol, {"bertscore": settings})


def radgraph_f1(
    predictions: Texts, references: References, protocol: str = "default", **settings: Any
) -> MetricResult:
    """Return RadGraph F1: RG_E, RG_ER and RG_ER_bar, RadCliQ's mean, and F1 by kind of entity.

    ``settings`` are ``annotator`` and ``precision``, of the model that reads the reports, for
    RadCliQ's mean too, and ``matching``.

    Raises
    ------
    InputError
        If a setting is unknown or wrong.
    MissingError
        If RadGraph's archive is not on this machine.
    """
    shared = ("annotator", "precision")
    combined = {field: value for field, value in settings.items() if field in shared}
    given = {"radgraph": settings, "radgraph_combined": combined}
    return _result("radgraph", predictions, references, protocol, given)


def chexbert_f1(predictions: Texts, references: References, **settings: Any) -> MetricResult:
    """Return F1 over CheXbert's 14 and 5 conditions, each condition's own, and accuracy.

    ``settings`` are ``uncertain``, "positive" or "negative", and ``precision``.

    Raises
    ------
    InputError
        If a setting is unknown or wrong.
    MissingError
        If CheXbert's checkpoint is not on this machine.
    """
    return _result("chexbert", predictions, references, "default", {"chexbert": settings})


def _result(
    name: str,
    predictions: Texts,
    references: References,
    protocol: str,
    settings: Settings | None = None,
) -> MetricResult:
    texts = reference_lists(references)
    ids = [str(i) for i in range(len(texts))]
    test_set = TestSet(ids, texts)
    systems = {SYSTEM: System(prediction_list(predictions))}
    units = Units.from_clusters(None, len(texts))
    selected = select([name], protocol, settings=settings)
    return MetricResult(tally(selected, test_set, systems, units), ids)
