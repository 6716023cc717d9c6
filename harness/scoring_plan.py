"""What to score and how, and what of it this machine can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from harness.slices import ABNORMAL, DEFAULT_SLICES, slice_weights
from metrics.errors import MissingError
from metrics.evaluation import refuse_absent_weights
from metrics.judges import JudgeSettings
from metrics.judges.address import origin
from metrics.judges.connection import is_reachable
from metrics.judges.judged import JudgedMetric
from metrics.judges.settings import from_environment
from metrics.metric_settings import Settings
from metrics.scoring import Resampling
from metrics.selection import Selected, own_wordings, select


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
            left = replace(self, skipped={**self.skipped, **lacking})._without_silent_judge()
            left = left.without_lost_slices()
            if left.selected():
                return left
        needed = [weight for name in self.sliced_by for weight in slice_weights(name)]
        refuse_absent_weights([one.metric for one in self.selected()], needed)
        if skip:
            lacks = ", ".join(dict.fromkeys(left.skipped.values()))
            raise MissingError(
                f"Nothing is left to score without {lacks}. Start the server, or mend the judge's "
                "address."
            )
        return self

    def _without_silent_judge(self) -> Self:
        """Return this plan without the outputs of a judge whose server is not there."""
        endpoint = self.judge_endpoint
        if endpoint is None or is_reachable(endpoint):
            return self
        lacking = {
            key: f"a judge that answers at {origin(endpoint)}"
            for one in self.selected()
            if isinstance(one.metric, JudgedMetric)
            for key in one.columns
        }
        return replace(self, skipped={**self.skipped, **lacking})

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
            if not asked.endswith("_errors") and own not in self.skipped
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


def _skipped(slice_name: str) -> str:
    """Return what a slice is called among the outputs that were left out."""
    return f"slice {slice_name}"
