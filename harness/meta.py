"""Meta-evaluation: how well metrics agree with radiologists' error counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.datasets.study_set import file_sha256
from harness.errors import InputError
from harness.radiologists import (
    ErrorCounts,
    Pair,
    read_candidates,
    read_error_counts,
    read_scores,
)
from harness.scoring_plan import ScoringPlan
from metrics.evaluation import System
from metrics.metric import FloatArray
from metrics.registry import ENTRIES, metric_class
from metrics.samples import TestSet
from metrics.scoring import Resampling, per_sample_scores, tally
from metrics.selection import known_outputs, plain_key
from metrics.statistics import Units, few_units
from metrics.statistics.correlation import kendall, pearson
from reports.agreement import Agreement

_CANDIDATES = "candidates"


@dataclass(frozen=True)
class MetaRequest:
    """What the command ``meta`` was asked: counts, and reports to score or scores.

    ``lower`` names columns of the scores in which lower is better, beside our own outputs, whose
    direction is known.
    """

    errors: Path
    plan: ScoringPlan
    reports: Path | None = None
    scores: Path | None = None
    lower: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Meta:
    """What was found; ``scores`` are per pair, in the order of ``counts.pairs``."""

    agreements: list[Agreement]
    counts: ErrorCounts
    scores: Mapping[str, FloatArray]
    signatures: Mapping[str, str]
    request: MetaRequest

    @property
    def notes(self) -> list[str]:
        """What a reader must know of the numbers."""
        warning = few_units(len({study for study, _ in self.counts.pairs}), "study")
        return [*self.request.plan.notes, *([warning] if warning else [])]

    def to_dict(self) -> dict[str, Any]:
        """Return the facts about the run as plain values; without texts."""
        resampling = self.request.plan.resampling
        return {
            "errors": str(self.request.errors),
            "errors_sha256": file_sha256(self.request.errors),
            "pairs": len(self.counts.pairs),
            "studies": len({study for study, _ in self.counts.pairs}),
            "raters": self.counts.raters,
            "resamples": resampling.resamples,
            "confidence": resampling.confidence,
            "seed": resampling.seed,
            "unit": "study",
            "signatures": dict(self.signatures),
            "notes": self.notes,
        }


def run_meta(request: MetaRequest) -> Meta:
    """Correlate every metric with the mean error counts of the radiologists.

    Coefficients are positive where the metric agrees with the radiologists: fewer errors, a better
    score. Intervals resample studies with all their candidates.

    Raises
    ------
    InputError
        If a file, name or setting is wrong.
    MissingError
        If weights that a metric needs are not on this machine.
    """
    counts = read_error_counts(request.errors)
    scores, signatures, lower = _scores(request, counts)
    units = Units.from_clusters([study for study, _ in counts.pairs], len(counts.pairs), "study")
    agreements = [
        _agreement(name, values, kind, counts.pairs, errors, name in lower, units, request)
        for kind, errors in counts.by_kind.items()
        for name, values in scores.items()
    ]
    return Meta(agreements, counts, scores, signatures, request)


def _agreement(
    metric: str,
    scores: FloatArray,
    kind: str,
    pairs: Sequence[Pair],
    errors: Mapping[Pair, float],
    lower_is_better: bool,
    units: Units,
    request: MetaRequest,
) -> Agreement:
    better = -scores if lower_is_better else scores
    fewer = -np.array([errors[pair] for pair in pairs])
    resampling = request.plan.resampling
    found = [one(better, fewer, units, **_settings(resampling)) for one in (kendall, pearson)]
    return Agreement(metric, kind, not lower_is_better, *found)


def _settings(resampling: Resampling) -> dict[str, Any]:
    return {
        "resamples": resampling.resamples,
        "seed": resampling.seed,
        "confidence": resampling.confidence,
    }


def _scores(
    request: MetaRequest, counts: ErrorCounts
) -> tuple[dict[str, FloatArray], dict[str, str], set[str]]:
    """Return scores by metric, their signatures, and the metrics where lower is better."""
    if (request.reports is None) == (request.scores is None):
        raise InputError(
            "Give either --reports, to score the candidates, or --scores, with scores of them."
        )
    if request.scores is not None:
        read = read_scores(request.scores, counts.pairs)
        unknown = [name for name in request.lower if name not in read]
        if unknown:
            raise InputError(
                f"--lower {unknown[0]!r}: {request.scores} has no such column. "
                f"It has {', '.join(read)}."
            )
        lower = {name for name in read if name in request.lower or _known_as_lower(name)}
        return {name: np.array(values) for name, values in read.items()}, {}, lower
    return _scored(request, counts)


def _scored(
    request: MetaRequest, counts: ErrorCounts
) -> tuple[dict[str, FloatArray], dict[str, str], set[str]]:
    selected = request.plan.selected()
    candidates = read_candidates(request.reports or Path(), counts)
    test_set = TestSet(
        ["/".join(one.pair) for one in candidates], [[one.reference] for one in candidates]
    )
    systems = {_CANDIDATES: System([one.prediction for one in candidates])}
    counted = tally(selected, test_set, systems, Units.from_clusters(None, len(candidates)))
    scores = per_sample_scores(counted)[_CANDIDATES]
    signatures = {key: one.signature for one in counted.selected for key in one.columns}
    outputs = counted.outputs()
    lower = {key for key, output in outputs.items() if not output.higher_is_better}
    return {key: scores[key] for key in outputs}, signatures, lower


def _known_as_lower(name: str) -> bool:
    """Return whether a column is one of our outputs, however spelled, and lower is better there."""
    known_names = known_outputs()
    # `1/RadCliQ-v1` is no output of a protocol `1`
    spelled = (plain_key(one, known_names) for one in (name, name.rpartition("/")[2]))
    output = next((one for one in spelled if one in known_names), name)
    owner = next((n for n, entry in ENTRIES.items() if output in entry.outputs), None)
    if owner is None:
        return False
    known = {one.name: one for one in metric_class(owner).info.outputs}
    return not known[output].higher_is_better
