"""RaTEScore: how near the entities of two reports are, by type and meaning."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from metrics.annotators.ratescore.affinity import MATRICES, read_affinity
from metrics.annotators.ratescore.entities import Entity
from metrics.annotators.ratescore.pairs import pair_score
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.precision import FLOAT32, check_precision, with_precision
from metrics.samples import Samples

_RECOGNIZER = "ratescore"
_ENCODER = "ratescore-embedding"


@dataclass(frozen=True)
class RaTEScore(Metric):
    """RaTEScore of each study, averaged; the official package gives the list only.

    RaTE-NER finds the entities of each sentence and their types; each entity looks for the other
    side's nearest one by the cosine of BioLORD's vectors, and pairs of types weigh as ``matrix``
    says: ``long`` for reports, ``short`` for sentences, or a JSON file of weights. A score is
    between 0 and 1 unless cosines are negative. Two equal reports can score below 1, where one
    text is found under two types. Several references: the best one.

    ``precision`` "bfloat16" or "int8" (CPU only) rounds the products of the two models; their
    annotations then deviate from the official ones, as docs/performance.md measures, and the
    signature says so.

    Source: Zhao et al. 2024, "RaTEScore: a metric for radiology report generation"; package
    RaTEScore 0.6.0. There a report without a sentence shifts all scores after it; here its own
    pair scores 0.5, as that of any report without an entity.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="ratescore",
        outputs=(Output("ratescore", bounds=(-inf, inf)),),
        version=1,
        empty="has no entity: 0.5, both sides empty included",
        source="pypi.org/project/RaTEScore 0.6.0",
    )
    matrix: str = "long"
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        read_affinity(self.matrix)
        check_precision(self.precision)

    @property
    def annotators(self) -> tuple[str, ...]:
        """The recognizer of entities and the encoder of their texts."""
        recognizer, encoder = (with_precision(n, self.precision) for n in (_RECOGNIZER, _ENCODER))
        return recognizer, encoder

    @property
    def signature(self) -> str:
        """The settings that move the score; a file of weights by its SHA-256."""
        if self.matrix in MATRICES:
            return super().signature
        digest = hashlib.sha256(Path(self.matrix).read_bytes()).hexdigest()
        return super().signature.replace(f"matrix:{self.matrix}", f"matrix:sha256-{digest[:16]}")

    def annotate(self, *systems: Samples) -> None:
        """Find the entities of all texts, and the vectors of their texts."""
        for samples in systems:
            self._vectors(*samples.annotations(self.annotators[0]))

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 2): the study's score, and 1."""
        predictions, flat = samples.annotations(self.annotators[0])
        vectors = self._vectors(predictions, flat)
        affinity = read_affinity(self.matrix)
        scores = [
            max(pair_score(prediction, reference, vectors, affinity) for reference in references)
            for prediction, references in zip(predictions, samples.regroup(flat), strict=True)
        ]
        return np.column_stack((np.array(scores, np.float64), np.ones(len(scores))))

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean."""
        return ratio(totals[..., :1], totals[..., 1:])

    def _vectors(self, *sides: list[list[Entity]]) -> dict[str, Any]:
        """Return the vector of each entity's text, each distinct one encoded once."""
        from metrics.annotators.sources import annotate

        texts = list({text: None for side in sides for entities in side for text, _ in entities})
        return dict(zip(texts, annotate(self.annotators[1], texts), strict=True))
