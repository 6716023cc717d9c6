"""Score systems on the studies of a test set, and everything that a report says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.condition_tables import condition_tables
from harness.errors import InputError
from harness.prior_gain import prior_gains
from harness.scoring_plan import ScoringPlan
from harness.slices import Slice, slice_scores
from harness.soundness import Soundness, assess
from harness.study import Study
from metrics.comparison import compare_tally
from metrics.evaluation import System
from metrics.results import ScoreTable
from metrics.samples import TestSet
from metrics.scoring import Resampling, Tally, score_table, tally
from metrics.statistics import PairedComparison, Units, few_units
from models.adapter import FAILED
from reports.report_data import ConditionTable, PriorGain

NO_REAL_PRIOR = ("dummy", "none")
"""Prior modes in which the model sees no prior image."""
ANSWER = "answer"
"""The section that answers a question."""


@dataclass(frozen=True)
class SystemTexts:
    """One system's predictions in study order; None where there is none.

    ``finish_reasons`` and ``priors`` (the prior mode) are None where the file does not say.
    """

    predictions: Sequence[str | None]
    finish_reasons: Sequence[str | None]
    priors: Sequence[str | None]


@dataclass(frozen=True, eq=False)
class Scored:
    """Everything known of a scored run, ready to be written and shown."""

    studies: Sequence[Study]
    systems: Mapping[str, SystemTexts]
    test_set: TestSet
    table: ScoreTable
    counted: Tally
    comparisons: list[PairedComparison]
    prior_gains: list[PriorGain]
    slices: list[Slice]
    conditions: list[ConditionTable]
    soundness: dict[str, Soundness]
    notes: list[str]

    @property
    def caveats(self) -> list[str]:
        """What a reader of the numbers must know; the HTML report says it in its own words."""
        warning = few_units(self.counted.units.n_units, self.counted.units.name)
        return [] if warning is None else [warning]


def count_systems(
    studies: Sequence[Study],
    systems: Mapping[str, SystemTexts],
    plan: ScoringPlan,
    processes: int = 1,
    progress: Callable[[int], None] = lambda samples: None,
) -> Tally:
    """Compute the statistics of the plan's metrics for all systems.

    Raises
    ------
    InputError
        If a metric, protocol or cluster field is unknown, or a study lacks the section.
    """
    test_set = make_test_set(studies, plan.section)
    units, _ = make_units(studies, plan.cluster)
    texts = {system: _system(given, test_set) for system, given in systems.items()}
    return tally(plan.selected(), test_set, texts, units, processes, progress)


def judge(
    studies: Sequence[Study],
    systems: Mapping[str, SystemTexts],
    counted: Tally,
    plan: ScoringPlan,
    *,
    name: str,
    partial: bool = False,
) -> Scored:
    """Turn statistics into scores with intervals, slices, comparisons and soundness."""
    test_set = make_test_set(studies, plan.section)
    sound = {
        system: assess(
            given.predictions,
            test_set.references,
            given.finish_reasons,
            short_answers=plan.section == ANSWER,
        )
        for system, given in systems.items()
    }
    table = score_table(
        counted,
        plan.resampling,
        test_set,
        benchmark=name,
        partial=partial,
        missing={system: found.missing for system, found in sound.items()},
        failed={system: found.failed for system, found in sound.items()},
    )
    return Scored(
        studies=studies,
        systems=systems,
        test_set=test_set,
        table=table,
        counted=counted,
        comparisons=_comparisons(counted, plan.resampling),
        prior_gains=prior_gains(counted, studies, plan.resampling, _unanswered(systems)),
        slices=slice_scores(plan.sliced_by, studies, test_set.references, counted, plan.resampling),
        conditions=condition_tables(counted, plan.resampling),
        soundness=sound,
        notes=make_units(studies, plan.cluster)[1],
    )


def make_test_set(studies: Sequence[Study], section: str) -> TestSet:
    """Return ids, references of the section, priors, contexts and tags in study order."""
    return TestSet(
        [study.sample_id for study in studies],
        [study.reference_texts(section) for study in studies],
        [study.has_prior for study in studies],
        [study.context for study in studies],
        [study.tags for study in studies],
    )


def make_units(studies: Sequence[Study], cluster: str) -> tuple[Units, list[str]]:
    """Return the units of resampling, and what the reader should know about them.

    ``auto`` takes patients where every study names its own, else samples; ``none`` samples; any
    other value is ``subject_id``, ``study_id`` or a tag.

    Raises
    ------
    InputError
        If a study lacks the named field.
    """
    n = len(studies)
    if cluster == "none":
        units = Units.from_clusters(None, n)
    elif cluster == "auto":
        known = sum(study.subject_id is not None for study in studies)
        if known < n:
            note = (
                f"{n - known} of {n} studies name no patient (subject_id): "
                "resampled by study, as if studies were independent."
            )
            return Units.from_clusters(None, n), [note]
        units = Units.from_clusters([study.subject_id for study in studies], n)
    else:
        units = Units.from_clusters(_labels(studies, cluster), n, cluster)
    return units, []


def _labels(studies: Sequence[Study], cluster: str) -> list[str]:
    labels = [_field(study, cluster) for study in studies]
    if not any(labels):
        raise InputError(
            f"No study has the field {cluster!r} to resample by. "
            "Use auto, none, subject_id, study_id or a tag of the studies."
        )
    for study, label in zip(studies, labels, strict=True):
        if label is None:
            raise InputError(
                f"{study.place} has no {cluster!r} to resample by, but others have. "
                "Add it, or choose another --cluster."
            )
    return [label for label in labels if label is not None]


def _field(study: Study, name: str) -> str | None:
    own = {"subject_id": study.subject_id, "study_id": study.study_id}
    return own[name] if name in own else study.tags.get(name)


def _system(given: SystemTexts, test_set: TestSet) -> System:
    known = test_set.has_prior or [None] * len(test_set)
    shown = [
        False if prior in NO_REAL_PRIOR else has_prior
        for prior, has_prior in zip(given.priors, known, strict=True)
    ]
    return System([text or "" for text in given.predictions], shown)


def _unanswered(systems: Mapping[str, SystemTexts]) -> dict[str, list[bool]]:
    return {
        system: [
            text is None or why == FAILED
            for text, why in zip(given.predictions, given.finish_reasons, strict=True)
        ]
        for system, given in systems.items()
    }


def _comparisons(counted: Tally, resampling: Resampling) -> list[PairedComparison]:
    if len(counted.statistics) < 2 or not resampling.resamples:
        return []
    return compare_tally(
        counted,
        resamples=resampling.resamples,
        confidence=resampling.confidence,
        seed=resampling.seed,
    )
