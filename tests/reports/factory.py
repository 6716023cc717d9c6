"""Synthetic runs for tests: invented systems, scores and one-line reports, all from a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from metrics.conditions import CONDITIONS
from metrics.metric import Span
from metrics.results import Score, ScoreTable, SystemScores
from metrics.statistics import PairedComparison, SampleSize
from reports.report_data import (
    ConditionRow,
    ConditionTable,
    DirectionTable,
    HallucinationRow,
    PriorGain,
    PriorSection,
    ReportData,
    SliceScores,
    StudyLabels,
    StudyView,
    SystemSoundness,
    TemporalSection,
)
from tests.reports.study_factory import METRICS, studies_of

SYSTEMS = ("two-image-model", "two-image-model@dummy", "nearest-report", "constant")
CHANGES = ("new", "worse", "unchanged", "better", "resolved", "not mentioned")


def score(
    value: float,
    half_width: float = 0.01,
    *,
    name: str = "bleu4",
    treatment: str = "raw",
    n: int = 300,
    **changes: Any,
) -> Score:
    defined = not math.isnan(value)
    made = Score(
        score=value,
        low=value - half_width if defined else None,
        high=value + half_width if defined else None,
        confidence=0.95,
        resamples=1000,
        method="percentile",
        unit="subject_id",
        n_units=212,
        undefined_resamples=0,
        seed=0,
        signature=f"{name}|treatment:{treatment}|v:1",
        higher_is_better=True,
        n=n,
    )
    return replace(made, **changes)


def table(
    scores: dict[str, dict[str, Score]],
    *,
    n: int = 300,
    test_set: str = "sha256:" + "ab" * 32,
    partial: bool = False,
) -> ScoreTable:
    systems = {name: SystemScores(n, metrics) for name, metrics in scores.items()}
    return ScoreTable("phantoms", n, test_set, systems, partial)


def report(
    systems: Sequence[str] = SYSTEMS,
    n_studies: int = 60,
    *,
    n: int = 300,
    seed: int = 7,
    length: int = 3,
    images: bool = True,
) -> ReportData:
    """Return a realistic report over ``n_studies`` shown studies."""
    draw = np.random.default_rng(seed)
    scores = {name: _scores(draw, rank, n) for rank, name in enumerate(systems)}
    return ReportData(
        title="Phantom findings",
        command="cxr-harness run demo --output results/demo",
        table=table(scores, n=n),
        soundness=[_soundness(name, rank, n) for rank, name in enumerate(systems)],
        facts=[
            ("Data", "phantoms, seed 11, split test, section findings"),
            ("Preprocessing", "none: texts are scored as written"),
            ("Versions", "cxr-harness 0.1.0, numpy 2.1.3, Python 3.11.9"),
            ("Seeds", "resampling 0, generation 0"),
        ],
        comparisons=_comparisons(draw, scores),
        slices=_slices(draw, systems),
        temporal=TemporalSection(
            [_direction(draw, name) for name in systems],
            [_hallucination(draw, name, stratum) for name in systems for stratum in _STRATA],
        ),
        prior=prior(systems[0], ("dummy",)) if f"{systems[0]}@dummy" in systems else None,
        performance={systems[0]: PERFORMANCE} if f"{systems[0]}@dummy" in systems else {},
        studies=studies_of(draw, n_studies, systems, length, images),
        studies_note=f"{n_studies} of {n} studies, drawn at random with seed 0."
        if n_studies < n
        else "",
        notes=(),
    )


def clinical(data: ReportData, seed: int = 3) -> ReportData:
    """Return the report of a run that scored RadGraph F1 and CheXbert F1 too."""
    draw = np.random.default_rng(seed)
    systems = list(data.table.systems)
    studies = [_with_labels(draw, study, systems) for study in data.studies]
    tables = [conditions(system, rank, data.table.n) for rank, system in enumerate(systems)]
    return replace(data, studies=studies, conditions=tables)


def _with_labels(draw: np.random.Generator, study: StudyView, systems: Sequence[str]) -> StudyView:
    drawn = draw.integers(0, 4, (len(systems) + 1, len(CONDITIONS))).tolist()
    labels = StudyLabels(drawn[:1], dict(zip(systems, drawn[1:], strict=True)))
    whole = Span("reference", 0, len(study.references[0]), "missed", "OBS-DA")
    first = Span("reference", 0, 3, "matched", "ANAT-DP")
    found = {
        system: [*marks, ("radgraph", whole), ("radgraph", first)]
        for system, marks in study.spans.items()
    }
    scores = {system: {**own, "chexbert_f1_edema": 1.0} for system, own in study.scores.items()}
    return replace(study, labels=labels, spans=found, scores=scores)


def conditions(system: str, rank: int, n: int) -> ConditionTable:
    """Return rows whose counts fall to 0, the references' and then the predictions' too."""
    rows = []
    for position, condition in enumerate(CONDITIONS):
        referenced, predicted = max(0, 60 - 5 * position), max(0, 70 - 5 * position - rank)
        values = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "prevalence": referenced / n}
        scores = {name: score(value, 0.02, name="chexbert") for name, value in values.items()}
        rows.append(ConditionRow(condition, referenced, predicted, scores))
    return ConditionTable(system, rows)


PERFORMANCE = {
    "load_s": 1.5,
    "warm_up_s": 0.25,
    "images": 600,
    "images_per_s": 41.26,
    "tokens": 12345,
    "tokens_per_s": 812.04,
    "prompt_tokens": 4567,
    "peak_memory_bytes": 3 * 2**29,
    "cost": None,
    "device": "cpu",
    "dtype": "float32",
}


def prior(
    model: str,
    others: Sequence[str] = ("dummy", "shuffled"),
    worth: float = 0.35,
    *,
    half_width: float = 0.05,
    n_units: int = 120,
    text_only: Sequence[str] = (),
) -> PriorSection:
    """Return what the prior is worth to a model: as much in each metric, against each other."""
    gains = [
        gain(model, other, metric, worth + 0.05 * i, half_width, n_units)
        for metric in ("bleu4", "temporal_direction_f1", "cider")
        for i, other in enumerate(others)
    ]
    return PriorSection(gains, without=118, unknown=0, text_only=text_only)


def gain(
    model: str, other: str, metric: str, worth: float, half_width: float = 0.05, n_units: int = 120
) -> PriorGain:
    """Return one gain; it is significant where its interval leaves out 0."""
    bounds = (0.0, 10.0) if metric == "cider" else (0.0, 1.0)
    settings: dict[str, Any] = {"name": metric, "n": 182, "n_units": n_units, "bounds": bounds}
    p = 0.001 if abs(worth) > half_width else 0.4
    difference = PairedComparison(
        metric,
        model,
        f"{model}@{other}",
        worth,
        worth - half_width,
        worth + half_width,
        p,
        p,
        p,
        n_units,
        undefined_resamples=0,
        needed=None,
    )
    real, instead = score(0.81, 0.03, **settings), score(0.81 - worth, 0.04, **settings)
    return PriorGain(model, other, metric, real, instead, difference, 182)


_STRATA = ("all", "context mentions a comparison", "context mentions none")


def _scores(draw: np.random.Generator, rank: int, n: int) -> dict[str, Score]:
    made = {}
    for name, facts in METRICS.items():
        settings = dict(facts)
        count = int(n * settings.pop("n", 1))
        value = float(
            np.clip(0.42 - 0.07 * (rank // 2) - 0.002 * rank + draw.normal(0, 0.02), 0, 1)
        )
        made[name] = score(value, 0.012 + 0.01 * draw.random(), name=name, n=count, **settings)
    return made


def _soundness(system: str, rank: int, n: int) -> SystemSoundness:
    is_constant = system == "constant"
    return SystemSoundness(
        system=system,
        n=n,
        missing=0,
        failed=0,
        empty=rank % 2,
        truncated=None if rank > 1 else rank,
        distinct_share=1 / n if is_constant else 0.91,
        mean_words=31.4,
        reference_mean_words=34.9,
        length_ratio=0.9,
        verdict="unsound" if is_constant else "caution" if rank == 1 else "sound",
        reasons=["One text makes up all predictions."]
        if is_constant
        else ["1 prediction was cut at the token limit."]
        if rank == 1
        else [],
    )


def _comparisons(
    draw: np.random.Generator, scores: dict[str, dict[str, Score]]
) -> list[PairedComparison]:
    made = []
    for metric in METRICS:
        for a, b in combinations(scores, 2):
            difference = scores[a][metric].score - scores[b][metric].score
            p = float(min(1.0, 2 * math.exp(-abs(difference) * 90)))
            made.append(
                PairedComparison(
                    metric,
                    a,
                    b,
                    difference,
                    difference - 0.02,
                    difference + 0.02,
                    p,
                    p,
                    min(1.0, p * 3),
                    212,
                    undefined_resamples=0,
                    needed=SampleSize(int(30 / (abs(difference) + 0.001)), 10),
                )
            )
    return made


def pair(metric: str, a: str, b: str, difference: float) -> PairedComparison:
    """Return a certain difference; one that was not to be tested where it is NaN."""
    p = difference if math.isnan(difference) else 0.001
    low, high = difference - 0.01, difference + 0.01
    return PairedComparison(
        metric, a, b, difference, low, high, p, p, p, 212, undefined_resamples=0, needed=None
    )


def _slices(draw: np.random.Generator, systems: Sequence[str]) -> list[SliceScores]:
    values = {
        "has_prior": (("no", 118), ("yes", 182)),
        "view": (("AP", 141), ("PA", 159)),
        "report_length": (
            ("1 short (up to 24 words)", 101),
            ("2 medium (up to 38)", 98),
            ("3 long (over 38)", 101),
        ),
    }
    return [
        SliceScores(
            name, value, n, {system: _scores(draw, r, n) for r, system in enumerate(systems)}
        )
        for name, parts in values.items()
        for value, n in parts
    ]


def _direction(draw: np.random.Generator, system: str) -> DirectionTable:
    counts = draw.poisson(4, (len(CHANGES), len(CHANGES))) + np.diag([20, 15, 60, 12, 6, 0])
    return DirectionTable(system, CHANGES, [[int(c) for c in row] for row in counts])


def _hallucination(draw: np.random.Generator, system: str, stratum: str) -> HallucinationRow:
    rate = float(draw.uniform(0.05, 0.4))
    return HallucinationRow(system, stratum, score(rate, 0.03, n=118, higher_is_better=False), 0.21)
