"""How much edits move the scores of metrics, with intervals over patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.audit.edits import Edit
from metrics.metric import FloatArray, Output, ratio
from metrics.results import Score
from metrics.scoring import Resampling
from metrics.statistics import Reduce, Units, confidence_intervals

COPY = "copy"
"""The system that repeats the reference."""
_TIE = 1e-12
_RATES = 4


@dataclass(frozen=True)
class Estimate:
    """A number and its interval; NaN where undefined, None without resamples."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Effect:
    """What one edit does to one metric, over ``n`` studies that it applies to.

    The edited reference is scored against the reference as it was, beside an unedited copy.
    ``lower`` is the share of studies in which the edited text scores worse than the copy, ``ties``
    in which it scores the same; ``drop`` the mean loss, on the metric's scale, and ``moved`` the
    mean change whatever its sign. ``told_apart`` (edits of meaning only) is how often the loss is
    larger than that of a harmless edit of the same report, ties counting half.
    """

    edit: str
    metric: str
    n: int
    lower: Estimate
    ties: Estimate
    drop: Estimate
    moved: Estimate
    told_apart: Estimate


@dataclass(frozen=True)
class Overall:
    """One metric over all edits, each of which counts the same whatever its number of studies.

    ``drop`` and ``told_apart`` are means over the edits of meaning, ``moved`` over harmless ones.
    """

    metric: str
    drop: Estimate
    moved: Estimate
    told_apart: Estimate


@dataclass(frozen=True, eq=False)
class Audit:
    """Everything that was measured; ``anchors`` has scores by metric and system."""

    edits: Sequence[Edit]
    applied: Mapping[str, int]
    outputs: Mapping[str, Output]
    effects: Sequence[Effect]
    overall: Sequence[Overall]
    anchors: Mapping[str, Mapping[str, Score]]

    def effect(self, metric: str, edit: str) -> Effect:
        """Return what an edit does to a metric."""
        return next(e for e in self.effects if e.metric == metric and e.edit == edit)


@dataclass(frozen=True, eq=False)
class Losses:
    """What each edit costs each study under one metric, larger being worse.

    Arrays of shape (studies,), NaN where the edit does not apply or a score is undefined.
    """

    by_edit: Mapping[str, FloatArray]
    kinds: Mapping[str, str]

    @classmethod
    def of(
        cls,
        scores: Mapping[str, FloatArray],
        applied: Mapping[str, NDArray[np.bool_]],
        edits: Sequence[Edit],
        output: Output,
    ) -> Losses:
        """Return the losses from the per-study scores of the copy and of every edit."""
        sign = 1.0 if output.higher_is_better else -1.0
        by_edit = {}
        for edit in edits:
            loss = sign * (scores[COPY] - scores[edit.name])
            loss[np.abs(loss) <= _TIE] = 0.0
            by_edit[edit.name] = np.where(applied[edit.name], loss, np.nan)
        return cls(by_edit, {edit.name: edit.kind for edit in edits})

    def of_kind(self, kind: str) -> FloatArray:
        """Return the losses of all edits of a kind, shape (edits, studies)."""
        found = [self.by_edit[name] for name, one in self.kinds.items() if one == kind]
        n = len(next(iter(self.by_edit.values())))
        return np.stack(found) if found else np.empty((0, n))

    def statistics(self, edit: str) -> FloatArray:
        """Return additive statistics of one edit, shape (studies, 7).

        Lower, tied, loss, size of the loss, 1; told apart, and 1 where there is something to tell
        apart from. All are 0 in studies without a score.
        """
        loss = self.by_edit[edit]
        counted = ~np.isnan(loss)
        meaning = self.kinds[edit] == "meaning"
        told = self.told_apart(edit) if meaning else np.full(loss.shape, np.nan)
        columns = [loss > 0, loss == 0, loss, np.abs(loss), counted]
        rates = np.stack([np.asarray(c, np.float64) for c in columns], axis=-1)
        return np.concatenate([np.where(counted[:, None], rates, 0.0), _counted(told)], axis=-1)

    def told_apart(self, edit: str) -> FloatArray:
        """Return per study how often the loss exceeds that of a harmless edit, ties a half."""
        gaps = self.by_edit[edit] - self.of_kind("harmless")
        return _mean(np.where(np.isnan(gaps), np.nan, (np.sign(gaps) + 1) / 2))


def measure(
    scores: Mapping[str, Mapping[str, FloatArray]],
    applied: Mapping[str, NDArray[np.bool_]],
    edits: Sequence[Edit],
    outputs: Mapping[str, Output],
    units: Units,
    resampling: Resampling,
) -> tuple[list[Effect], list[Overall]]:
    """Return what every edit does to every metric.

    Parameters
    ----------
    scores
        Per-study scores by system (``copy`` and every edit's name) and output.
    applied
        Which studies each edit applies to.
    """
    effects: dict[tuple[str, str], Effect] = {}
    overall = []
    for metric, output in outputs.items():
        of_metric = {system: values[metric] for system, values in scores.items()}
        losses = Losses.of(of_metric, applied, edits, output)
        overall.append(_overall(metric, losses, units, resampling))
        for edit in edits:
            effects[metric, edit.name] = _effect(metric, edit, losses, units, resampling)
    return list(effects.values()), overall


def _overall(metric: str, losses: Losses, units: Units, resampling: Resampling) -> Overall:
    meaning = [name for name, kind in losses.kinds.items() if kind == "meaning"]
    values = (
        losses.of_kind("meaning"),
        np.abs(losses.of_kind("harmless")),
        np.array([losses.told_apart(name) for name in meaning]).reshape(-1, units.n_samples),
    )
    drop, moved, told = (_mean_of_means(one, units, resampling) for one in values)
    return Overall(metric, drop, moved, told)


def _mean_of_means(values: FloatArray, units: Units, resampling: Resampling) -> Estimate:
    """Return the mean of the rows' means from shape (edits, studies), NaN being left out."""
    there = values[~np.isnan(values).all(axis=1)]
    if not len(there):
        return Estimate(np.nan, None, None)
    statistics = np.concatenate([_counted(row) for row in there], axis=-1)

    def reduce(totals: FloatArray) -> FloatArray:
        means: FloatArray = ratio(totals[..., 0::2], totals[..., 1::2])
        return np.asarray(means.mean(axis=-1, keepdims=True), np.float64)

    return _estimates(statistics, reduce, units, resampling)[0]


def _effect(
    metric: str, edit: Edit, losses: Losses, units: Units, resampling: Resampling
) -> Effect:
    statistics = losses.statistics(edit.name)
    kept = np.flatnonzero(statistics[:, _RATES])
    # only patients to whom the edit applies are resampled
    own = Units.from_clusters(units.index[kept].tolist(), len(kept), units.name)
    lower, ties, drop, moved, told = _estimates(statistics[kept], _rates, own, resampling)
    return Effect(edit.name, metric, len(kept), lower, ties, drop, moved, told)


def _rates(totals: FloatArray) -> FloatArray:
    """Return four rates and how often edits are told apart, from sums of shape (..., 7)."""
    rates = ratio(totals[..., :_RATES], totals[..., _RATES : _RATES + 1])
    told = ratio(totals[..., -2:-1], totals[..., -1:])
    return np.concatenate([rates, told], axis=-1)


def _estimates(
    statistics: FloatArray, reduce: Reduce, units: Units, resampling: Resampling
) -> list[Estimate]:
    """Return what is reduced from summed statistics, with intervals."""
    values = reduce(statistics.sum(axis=0)).tolist()
    if not resampling.resamples or not len(statistics):
        return [Estimate(value, None, None) for value in values]
    found = confidence_intervals(
        {"": statistics},
        {"": reduce},
        units,
        resamples=resampling.resamples,
        seed=resampling.seed,
        confidence=resampling.confidence,
        method=resampling.method,
    )[""]
    return [Estimate(v, i.low, i.high) for v, i in zip(values, found, strict=True)]


def _mean(values: FloatArray) -> FloatArray:
    """Return the mean over the first axis of what is defined; NaN where nothing is."""
    defined = ~np.isnan(values)
    sums = np.where(defined, values, 0.0).sum(axis=0)
    return ratio(sums, defined.sum(axis=0).astype(np.float64))


def _counted(values: FloatArray) -> FloatArray:
    """Return the values and 1, or 0 and 0 where undefined, shape (n, 2)."""
    defined = ~np.isnan(values)
    return np.stack([np.where(defined, values, 0.0), defined], axis=-1)
