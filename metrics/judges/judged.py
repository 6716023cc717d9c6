"""What the metrics of judges share: pairs to answers, answers to statistics."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from metrics.errors import MetricsWarning
from metrics.judges.judge import Answer, ask_judge, pair_key, sign_judge
from metrics.judges.kinds import Kind
from metrics.judges.readiness import check_judge, lacking
from metrics.judges.settings import JudgeSettings, from_environment, required
from metrics.metric import FloatArray, Metric, Output, ratio
from metrics.samples import Samples


def judged_outputs(name: str, **facts: Any) -> tuple[Output, Output]:
    """Return a judge's score, over the judged samples, and the share without a verdict."""
    return Output(name, count_column=1, **facts), Output(f"{name}_errors", direction="lower")


@dataclass(frozen=True)
class JudgedMetric(Metric):
    """A judge's score of each prediction; several references: the best one.

    A sample whose judge gave no verdict, also not when asked again, has no score; it counts in
    the share of errors. The score is over the others.
    """

    kind: ClassVar[Kind]
    judge: JudgeSettings | None = None
    """The judge; None: what the environment variables CXR_HARNESS_JUDGE_… describe."""
    _answers: dict[str, Answer] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def endpoint(self) -> str | None:
        """Where reports are sent to; None if they stay here, or no judge is configured."""
        settings = self.judge or from_environment()
        return None if settings is None else settings.endpoint

    @property
    def lacks_prompt(self) -> bool:
        """Whether a judge is configured, and the published prompt that it is asked with is not."""
        settings = self.judge or from_environment()
        return settings is not None and self.kind.lacks_prompt(settings.prompt)

    @property
    def lacking(self) -> list[str]:
        """What is not here or not configured, in words: a judge, its prompt, its key."""
        return lacking(self.kind, self.judge or from_environment())

    @property
    def signature(self) -> str:
        """The settings that move the score, with those of the judge."""
        settings = self.judge or from_environment()
        described = "judge:none" if settings is None else sign_judge(self.kind, settings)
        return "|".join(
            [self.info.name, *self._own_settings(), described, f"v:{self.info.version}"]
        )

    def fit(self, samples: Samples) -> Self:
        """Return the metric itself.

        Raises
        ------
        InputError, MissingError
            If the judge cannot be asked: none is configured, no prompt, no key, no model.
        """
        check_judge(self.kind, self._settings())
        return self

    def annotate(self, *systems: Samples) -> None:
        """Have all pairs judged, and warn of those that stay without a verdict."""
        pairs = [p for samples in systems for sample in self._pairs(samples) for p in sample]
        self._ask(pairs)
        problems = Counter(self._answers[p].problem for p in pairs if self._answers[p].problem)
        if problems:
            frequent, _ = problems.most_common(1)[0]
            warnings.warn(
                f"{self.info.name}: {problems.total()} of {len(pairs)} pairs have no verdict and "
                f"count as errors. The most frequent reason: {frequent} Run the same command "
                "again to ask for them once more.",
                MetricsWarning,
                stacklevel=2,
            )

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 4): score, 1 if judged, 1 if not, 1."""
        pairs = self._pairs(samples)
        self._ask([pair for sample in pairs for pair in sample])
        rows = [self._row(sample) for sample in pairs]
        return np.array(rows, np.float64).reshape(-1, 4)

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean score of the judged, and the share of errors."""
        score, judged, errors, n = (totals[..., i] for i in range(4))
        return np.stack((ratio(score, judged), ratio(errors, n)), axis=-1)

    def verdicts(self, samples: Samples) -> list[list[Any]]:
        """Return the verdicts about each prediction, one per reference; None where there is none.

        For GREEN these are what `metrics.judges.summarise` takes.
        """
        pairs = self._pairs(samples)
        self._ask([pair for sample in pairs for pair in sample])
        return [[self._verdict(pair) for pair in sample] for sample in pairs]

    def _own_settings(self) -> list[str]:
        return []

    def _score(self, verdict: Any) -> float:
        return self.kind.score(verdict)

    def _row(self, pairs: Sequence[str]) -> tuple[float, float, float, float]:
        verdicts = [self._verdict(pair) for pair in pairs]
        if any(verdict is None for verdict in verdicts):
            return 0.0, 0.0, 1.0, 1.0
        best = max if self.info.outputs[0].higher_is_better else min
        return float(best(map(self._score, verdicts))), 1.0, 0.0, 1.0

    def _verdict(self, pair: str) -> Any:
        answer = self._answers[pair]
        return None if answer.problem is not None else self.kind.read(answer.text)

    def _pairs(self, samples: Samples) -> list[list[str]]:
        names = self._settings().context
        contexts = samples.contexts if names and samples.contexts is not None else None
        found = []
        for i, (prediction, references) in enumerate(
            zip(samples.predictions, samples.references, strict=True)
        ):
            known = {} if contexts is None else contexts[i]
            shown = {name: known[name] for name in names if known.get(name, "").strip()}
            found.append([pair_key(reference, prediction, shown) for reference in references])
        return found

    def _ask(self, pairs: Sequence[str]) -> None:
        """Ask for what is not known yet; failures are kept too, so that no run asks twice."""
        unknown = [pair for pair in dict.fromkeys(pairs) if pair not in self._answers]
        if unknown:
            self._answers.update(ask_judge(self.kind, self._settings(), unknown))

    def _settings(self) -> JudgeSettings:
        return required(self.judge, self.info.name)
