"""The result of one metric on one system, for notebooks."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metrics.scoring import Resampling, Tally, per_sample_scores, score_systems
from metrics.statistics import Method, Units

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class MetricResult:
    """Corpus scores of one system, and all that can be derived from them."""

    counted: Tally
    ids: Sequence[str]

    @property
    def scores(self) -> dict[str, float]:
        """Corpus scores in their natural scale, by output name; NaN where undefined."""
        (scores,) = score_systems(self.counted, Resampling(resamples=0)).values()
        return {key: score.score for key, score in scores.items()}

    @property
    def per_sample(self) -> pd.DataFrame:
        """One row per sample, one column per output; NaN where undefined."""
        import pandas as pd

        (values,) = per_sample_scores(self.counted).values()
        return pd.DataFrame(values, index=pd.Index(list(self.ids), name="sample_id"))

    @property
    def signature(self) -> str:
        """The settings behind the scores; several metrics are joined by ``; ``."""
        return "; ".join(one.signature for one in self.counted.selected)

    def interval(
        self,
        resamples: int = 1000,
        confidence: float = 0.95,
        seed: int = 0,
        clusters: Sequence[Hashable] | None = None,
        method: Method = "percentile",
    ) -> dict[str, tuple[float, float]]:
        """Return bootstrap intervals by output name; ``clusters`` gives each sample's patient.

        Raises
        ------
        InputError
            If ``clusters`` has another length, or a setting is out of range.
        """
        units = Units.from_clusters(None if clusters is None else list(clusters), self.counted.n)
        counted = Tally(self.counted.selected, self.counted.statistics, units)
        resampling = Resampling.of(resamples, confidence, method, seed)
        (scores,) = score_systems(counted, resampling).values()
        return {
            key: (score.low, score.high)
            for key, score in scores.items()
            if score.low is not None and score.high is not None
        }

    def __repr__(self) -> str:
        scores = ", ".join(f"{key}={value:.4f}" for key, value in self.scores.items())
        return f"MetricResult({scores})"
