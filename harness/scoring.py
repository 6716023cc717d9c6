"""Score systems on the studies of a test set, and everything that a report says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from harness.condition_tables import condition_tables
from harness.errors import InputError
from harness.prior_gain import prior_gains
from harness.slices import ABNORMAL, DEFAULT_SLICES, Slice, slice_scores, slice_weights
from harness.soundness import Soundness, assess
from harness.study import Study
from metrics.comparison import compare_tally
from metrics.evaluation import System, refuse_absent_weights
from metrics.judges import JudgeSettings
from metrics.judges.judged import JudgedMetric
from metrics.judges.settings import from_environment
from metrics.metric_settings import Settings
from metrics.results import ScoreTable
from metrics.samples import TestSet
from metrics.scoring import Resampling, Tally, score_table, tally
from metrics.selection import Selected, own_wordings, select
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


@dataclass(frozen=True)
class ScoringPlan:
    """What to score and how: the part of a benchmark that follows the predictions.

    ``skipped`` are outputs, and slices as ``slice NAME``, that are left out, with what this machine
    lacks for them. ``wordings`` are outputs of judges in whose place those with our own question
    are reported. ``settings`` are what differs from the metrics' own settings, by metric.
    """

    metrics: Sequence[str] | None = None
    protocol: str | None = None
    section: str = "findings"
    resampling: Resampling = field(default_factory=Resampling)
    cluster: str = "auto"
    slices: Sequence[str] = DEFAULT_SLICES
    skipped: Mapping[str, str] = field(default_factory=dict)
    judge: JudgeSettings | None = None
    wordings: Mapping[str, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)

    def selected(self) -> list[Selected]:
        """Return the metrics, or raise InputError if a name is unknown."""
        found = select(self.metrics, self.protocol, self.judge, self.wordings, self.settings)
        return [one for one in found if not one.columns.keys() <= self.skipped.keys()]

    def available(self, skip: bool = False) -> Self:
        """Return this plan with the judge that there is, if its metrics ask one.

        With ``skip`` it is without the metrics that cannot be computed here.

        Raises
        ------
        InputError
            If the judge's prompt is not the published one.
        MissingError
            If weights, packages or a judge are missing and are not to be skipped, or nothing else
            is left.
        """
        return self._with_judge()._available(skip)

    def _with_judge(self) -> Self:
        """Return this plan with everything about its judge that could be another elsewhere."""
        if not any(isinstance(one.metric, JudgedMetric) for one in self.selected()):
            return replace(self, judge=None)
        found = replace(self, judge=self.judge or from_environment())
        return replace(found, wordings={**self.wordings, **own_wordings(found.selected())})

    def _available(self, skip: bool) -> Self:
        lacking = {
            key: why
            for one in self.selected()
            if (why := ", ".join(one.metric.lacking))
            for key in one.columns
        }
        if skip:
            left = replace(self, skipped={**self.skipped, **lacking}).without_lost_slices()
            if left.selected():
                return left
        needed = [weight for name in self.sliced_by for weight in slice_weights(name)]
        refuse_absent_weights([one.metric for one in self.selected()], needed)
        return self

    @property
    def judge_endpoint(self) -> str | None:
        """Where reports are sent to, to be judged; None if they stay here."""
        judged = any(isinstance(one.metric, JudgedMetric) for one in self.selected())
        return self.judge.endpoint if self.judge is not None and judged else None

    @property
    def sliced_by(self) -> list[str]:
        """The slices that are scored.

        Where no others were chosen and CheXbert reads the references anyway, its slice is one.
        """
        names = list(self.slices)
        if names == list(DEFAULT_SLICES) and any(
            "chexbert" in one.metric.annotators for one in self.selected()
        ):
            names.append(ABNORMAL)
        return [name for name in names if _skipped(name) not in self.skipped]

    def without_lost_slices(self) -> Self:
        """Return this plan without the slices whose weights are not on this machine."""
        from metrics.weights import absent

        lost = {
            _skipped(name): why
            for name in self.sliced_by
            if (why := ", ".join(absent(slice_weights(name))))
        }
        return replace(self, skipped={**self.skipped, **lost}) if lost else self

    @property
    def notes(self) -> list[str]:
        """What a reader must know of metrics that were replaced or left out."""
        return [*self.wording_notes, *self._left_out()]

    @property
    def wording_notes(self) -> list[str]:
        """Which scores stand in for those of a published prompt."""
        return [
            f"{own} instead of {asked}: the judge is asked in our own words, because its published "
            "prompt is not configured. Not comparable with published numbers."
            for asked, own in self.wordings.items()
            if not asked.endswith("_errors")
        ]

    def _left_out(self) -> list[str]:
        by_lack: dict[str, list[str]] = {}
        for key, why in self.skipped.items():
            by_lack.setdefault(why, []).append(key)
        return [
            f"Left out: {', '.join(keys)} (not on this machine: {why})."
            for why, keys in by_lack.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values, as run.json keeps it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the plan that run.json keeps."""
        judge = values.get("judge")
        return cls(
            **{
                **values,
                "resampling": Resampling(**values["resampling"]),
                "judge": None if judge is None else JudgeSettings(**judge),
            }
        )


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


def _skipped(slice_name: str) -> str:
    """Return what a slice is called among the outputs that were left out."""
    return f"slice {slice_name}"


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
