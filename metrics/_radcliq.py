"""RadCliQ: radiologists' error counts as foretold by four metrics of a pair of reports."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from typing import ClassVar, Self

import numpy as np

from metrics._bertscore import BertScore
from metrics._radcliq_composite import radcliq_composite
from metrics._radgraph_combined import RadgraphCombined
from metrics._semb_score import SembScore
from metrics._sentence_bleu import SentenceBleu2
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.precision import FLOAT32, check_precision
from metrics.samples import Samples

_UNBOUNDED = (-inf, inf)


@dataclass(frozen=True)
class Radcliq(Metric):
    """RadCliQ, averaged over studies: what radiologists would find wrong, as four metrics foretell.

    ``radcliq_v0`` foretells the number of errors and ``radcliq_v1`` a standardised one; lower is
    better for both. ``radcliq_v1_reciprocal``, ReXrank's column, is one over the *mean* of v1, so
    that higher is better; it is unstable where the mean is near 0, and has no value for one study.

    The four inputs are the smoothed sentence BLEU-2 (`SentenceBleu2`), BERTScore F1 with
    distilroberta-base, rescaled, of texts whose runs of spaces are one space, `SembScore` and
    `RadgraphCombined`. ``idf`` weighs BERTScore's tokens by their rarity in the references; papers
    differ in it. Several references: the best of each input, by itself.

    ``precision`` "bfloat16" or "int8" (CPU only) rounds the products of the three models; the
    inputs then deviate from the official ones, as docs/performance.md measures, and the signature
    says so.

    Source: Yu et al. 2023, "Evaluating progress in automatic chest X-ray radiology report
    generation"; github.com/rajpurkarlab/CXR-Report-Metric; ReXrank.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="radcliq",
        outputs=(
            Output("radcliq_v0", "lower", _UNBOUNDED),
            Output("radcliq_v1", "lower", _UNBOUNDED),
            Output("radcliq_v1_reciprocal", "higher", _UNBOUNDED, by_sample=False),
        ),
        version=1,
        empty="scores as its four inputs do; BLEU-2 and RadGraph are 0 if both sides are empty",
        source="github.com/rajpurkarlab/CXR-Report-Metric",
    )
    idf: bool = False
    precision: str = FLOAT32
    fitted: BertScore | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_precision(self.precision)

    @property
    def annotators(self) -> tuple[str, ...]:
        """CheXbert for SembScore, and the first RadGraph."""
        return tuple(name for metric in self._inputs for name in metric.annotators)

    @property
    def weights(self) -> tuple[str, ...]:
        """What the four inputs need."""
        return tuple(dict.fromkeys(name for metric in self._inputs for name in metric.weights))

    def fit(self, samples: Samples) -> Self:
        """Return the metric with BERTScore's token weights, where idf is asked for."""
        if not self.idf:
            return self
        fitted = replace(self)
        object.__setattr__(fitted, "fitted", self._bertscore.fit(samples))
        return fitted

    def annotate(self, *systems: Samples) -> None:
        """Have the four inputs annotate all texts."""
        for metric in self._inputs:
            metric.annotate(*systems)

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 3): the study's v0 and v1, and 1."""
        bleu2, bertscore, semb_score, radgraph = (
            metric.statistics(samples)[:, column]
            for metric, column in zip(self._inputs, (0, 2, 0, 0), strict=True)
        )
        scores = [
            radcliq_composite(
                version, bleu2=bleu2, bertscore=bertscore, semb_score=semb_score, radgraph=radgraph
            )
            for version in ("v0", "v1")
        ]
        return np.column_stack((*scores, np.ones(len(samples))))

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return both means and one over the second."""
        v0, v1, n = totals[..., 0], totals[..., 1], totals[..., 2]
        return np.stack((ratio(v0, n), ratio(v1, n), ratio(n, v1)), axis=-1)

    def per_sample(self, statistics: FloatArray) -> FloatArray:
        """Return each study's v0 and v1; the reciprocal is one of a mean only."""
        scores = self.reduce(statistics)
        scores[:, 2] = np.nan
        return scores

    @property
    def _bertscore(self) -> BertScore:
        settings = BertScore(
            "single_spaces",
            "distilroberta-base",
            rescale=True,
            idf=self.idf,
            precision=self.precision,
        )
        return self.fitted or settings

    @property
    def _inputs(self) -> tuple[Metric, ...]:
        semb_score = SembScore(precision=self.precision)
        radgraph = RadgraphCombined(precision=self.precision)
        return SentenceBleu2(), self._bertscore, semb_score, radgraph
