"""What the HTML report shows, gathered from a scored run."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from harness import __version__
from harness.command_words import without_place
from harness.condition_tables import counted_chexbert
from harness.prior_gain import prior_counts, prior_pairs
from harness.run_facts import RunFacts
from harness.scoring import Scored
from harness.scoring_plan import ScoringPlan
from harness.soundness import Soundness
from harness.study_views import study_views
from metrics._prior_hallucination import PriorHallucination
from metrics._temporal_direction import TemporalDirection
from metrics.judges import JudgeSettings
from metrics.metric import FloatArray
from reports.report_data import (
    NOT_MENTIONED,
    DirectionTable,
    HallucinationRow,
    PriorSection,
    ReportData,
    SliceScores,
    SystemSoundness,
    TemporalSection,
)

_STRATA = (
    "prior_hallucination",
    "prior_hallucination_comparison_in_context",
    "prior_hallucination_no_comparison_in_context",
)
"""The outputs that go with the rows of ``PriorHallucination.table``, in its order."""


def report_data(scored: Scored, plan: ScoringPlan, facts: RunFacts) -> ReportData:
    """Return everything that ``report.html`` shows of a scored run."""
    views, studies_note = study_views(scored, facts.images)
    return ReportData(
        title=facts.name,
        command=without_place(facts.command),
        table=scored.table,
        soundness=[_soundness(name, found) for name, found in scored.soundness.items()],
        facts=_run_card(scored, plan, facts),
        comparisons=scored.comparisons,
        slices=[SliceScores(s.name, s.value, s.n, s.scores) for s in scored.slices],
        temporal=_temporal(scored),
        conditions=scored.conditions,
        uncertain_is_there=_uncertain_is_there(scored),
        prior=_prior(scored, facts),
        performance={
            name: facts.performance[name] for name in scored.systems if name in facts.performance
        },
        studies=views,
        studies_note=studies_note,
        notes=[*facts.notes, *scored.notes],
    )


def _run_card(scored: Scored, plan: ScoringPlan, facts: RunFacts) -> list[tuple[str, str]]:
    resampling = plan.resampling
    intervals = (
        f"{resampling.confidence:.0%}, {resampling.method}, {resampling.resamples:,} resamples, "
        f"seed {resampling.seed}"
    )
    return [
        # sorted, because run.json keeps them so: the report made again is the same
        *sorted(facts.data, key=lambda row: row[0].lower()),
        ("section", plan.section),
        ("prior images", _prior_images(scored)),
        ("intervals", intervals if resampling.resamples else "none"),
        *([] if plan.judge is None else [("judge", _judge(plan.judge))]),
        ("cxr-harness", __version__),
        *((name, version(name)) for name in _computed_with(scored)),
    ]


def _computed_with(scored: Scored) -> list[str]:
    """Return the packages that the numbers come from."""
    reads_weights = any(one.metric.weights for one in scored.counted.selected)
    neural = [name for name in ("torch", "transformers") if find_spec(name) is not None]
    return ["numpy", *(neural if reads_weights else [])]


def _judge(settings: JudgeSettings) -> str:
    if settings.endpoint is None:
        return f"the local model {Path(settings.model).name}"
    return f"{settings.model} at {settings.endpoint}"


def _prior_images(scored: Scored) -> str:
    counts = prior_counts(scored.studies)
    n, without, unknown = len(scored.studies), counts["without_prior"], counts["unknown"]
    if unknown == n:
        return "not known"
    text = f"{counts['with_prior']:,} of {n:,} studies have one"
    text += f", of {unknown:,} it is not known" if unknown else ""
    return f"{text}; without, a model of two images sees its dummy" if without else text


def _soundness(system: str, found: Soundness) -> SystemSoundness:
    return SystemSoundness(
        system=system,
        n=found.n,
        missing=found.missing,
        failed=found.failed,
        empty=found.empty,
        truncated=found.truncated,
        distinct_share=found.distinct_share or 0.0,
        mean_words=found.words_mean or 0.0,
        reference_mean_words=found.reference_words_mean or 0.0,
        length_ratio=found.words_ratio,
        verdict=found.verdict,
        reasons=found.reasons,
    )


def _prior(scored: Scored, facts: RunFacts) -> PriorSection | None:
    if not prior_pairs(list(scored.systems)):
        return None
    counts = prior_counts(scored.studies)
    return PriorSection(
        scored.prior_gains, counts["without_prior"], counts["unknown"], facts.text_only
    )


def _uncertain_is_there(scored: Scored) -> bool:
    found = counted_chexbert(scored.counted)
    return found is None or found[1].uncertain == "positive"


def _temporal(scored: Scored) -> TemporalSection | None:
    if not any("temporal" in name or "prior" in name for name in scored.table.metric_names):
        return None
    return TemporalSection(_directions(scored), _hallucinations(scored))


def _directions(scored: Scored) -> list[DirectionTable]:
    return [
        _direction(system, one.metric, arrays[position])
        for position, one in enumerate(scored.counted.selected)
        if isinstance(one.metric, TemporalDirection)
        for system, arrays in scored.counted.statistics.items()
    ]


def _direction(system: str, metric: TemporalDirection, statistics: FloatArray) -> DirectionTable:
    found = metric.confusion(statistics.sum(axis=0))
    missed, invented = found.missed.tolist(), found.invented.tolist()
    counts = [[*row, lost] for row, lost in zip(found.table.tolist(), missed, strict=True)]
    return DirectionTable(system, [*found.changes, NOT_MENTIONED], [*counts, [*invented, 0]])


def _hallucinations(scored: Scored) -> list[HallucinationRow]:
    return [
        row
        for position, one in enumerate(scored.counted.selected)
        if isinstance(one.metric, PriorHallucination)
        for system, arrays in scored.counted.statistics.items()
        for row in _rates(scored, system, one.metric, arrays[position])
    ]


def _rates(
    scored: Scored, system: str, metric: PriorHallucination, statistics: FloatArray
) -> list[HallucinationRow]:
    scores = scored.table.systems[system].metrics
    rates = metric.table(statistics.sum(axis=0))
    return [
        HallucinationRow(system, rate.stratum, scores[key], rate.references)
        for rate, key in zip(rates, _STRATA, strict=True)
        if rate.n and key in scores
    ]
