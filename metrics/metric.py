"""What every metric is: additive statistics per sample, and a function of their sum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from metrics.precision import FLOAT32
from metrics.samples import Samples, TestSet
from metrics.texts import prediction_list

FloatArray = NDArray[np.float64]
Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Output:
    """One number that a metric reports.

    ``count_column`` names the statistics column that counts the samples the number is over,
    where those are not all samples. ``by_sample`` says whether one sample can have a score of its
    own.
    """

    name: str
    direction: Direction = "higher"
    bounds: tuple[float, float] = (0.0, 1.0)
    count_column: int | None = None
    by_sample: bool = True

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is the better one."""
        return self.direction == "higher"

    @property
    def percent(self) -> bool:
        """Whether tables for people show the value times 100."""
        return self.bounds == (0.0, 1.0)


@dataclass(frozen=True)
class MetricInfo:
    """Facts about a metric that do not depend on its settings.

    ``empty`` says in words what empty texts get; ``version`` grows when a score moves.
    """

    name: str
    outputs: tuple[Output, ...]
    version: int
    empty: str
    source: str


@dataclass(frozen=True)
class Span:
    """A piece of a text that a metric counted; offsets are characters of the raw text."""

    side: Literal["prediction", "reference"]
    start: int
    end: int
    kind: Literal["matched", "missed", "invented"]
    label: str


@dataclass(frozen=True)
class Metric(ABC):
    """A metric as sufficient statistics; its dataclass fields are its settings and signature."""

    info: ClassVar[MetricInfo]

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What the metric reports with its settings: they may move an output's bounds."""
        return self.info.outputs

    @property
    def annotators(self) -> tuple[str, ...]:
        """Names of the annotators whose annotations of every text the metric reads."""
        return ()

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the weights (`metrics.weights`) that the metric cannot do without."""
        if not self.annotators:
            return ()
        from metrics.annotators.sources import weights_of

        return tuple(dict.fromkeys(w for name in self.annotators for w in weights_of(name)))

    @property
    def lacking(self) -> list[str]:
        """Names of the weights and packages that the metric needs and this machine lacks."""
        if not self.weights:
            return []
        from metrics.weights import absent, absent_packages

        return [*absent_packages(), *absent(self.weights)]

    @property
    def signature(self) -> str:
        """The settings that move the score, e.g. ``bleu|treatment:libra|tokens:13a|v:1``.

        Weights stand in it with their SHA-256 where they are on this machine; the precision of
        their products, unless it is the default.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        settings = [
            f"{name}:{_setting(value)}"
            for name, value in values.items()
            if (name, value) != ("precision", FLOAT32)
        ]
        if self.weights:
            from metrics.weights import sign

            settings.append(f"weights:{sign(self.weights)}")
        return "|".join([self.info.name, *settings, f"v:{self.info.version}"])

    def fit(self, samples: Samples) -> Self:
        """Return the metric with weights taken from all references of the test set, if any."""
        return self

    def annotate(self, *systems: Samples) -> None:
        """Have all texts annotated; called with all systems, before they are counted in parts."""
        for samples in systems:
            for name in self.annotators:
                samples.annotations(name)

    @abstractmethod
    def statistics(self, samples: Samples) -> FloatArray:
        """Return additive statistics, float64 of shape (n, k)."""

    @abstractmethod
    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return scores of shape (..., outputs) from summed statistics of shape (..., k)."""

    def per_sample(self, statistics: FloatArray) -> FloatArray:
        """Return each sample's own scores, shape (n, outputs); NaN where undefined."""
        return self.reduce(statistics)

    def spans(self, prediction: str, references: Sequence[str]) -> list[Span]:
        """Return what was matched, missed and invented in one pair of raw texts."""
        return []

    def score(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """Return the corpus scores of texts with one reference each, by output name.

        Raises
        ------
        InputError
            If a side is no list of strings, or they differ in length.
        """
        wanted = [[text] for text in prediction_list(references, "references")]
        test_set = TestSet([str(i) for i in range(len(wanted))], wanted)
        samples = Samples.of(prediction_list(predictions), test_set)
        scores = self.reduce(self.fit(samples).statistics(samples).sum(axis=0))
        return {o.name: float(s) for o, s in zip(self.outputs, scores, strict=True)}


def ratio(numerator: FloatArray, denominator: FloatArray, undefined: float = np.nan) -> FloatArray:
    """Return ``numerator / denominator``, and ``undefined`` where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    quotient: FloatArray = np.full(numerator.shape, undefined)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
