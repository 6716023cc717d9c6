"""RadGraph combined: mean of entity and relation F1, one of RadCliQ's four inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics._radgraph import check_annotator
from metrics._radgraph_rewards import Items, combined_sets, f1
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.precision import FLOAT32, check_precision, with_precision
from metrics.samples import Samples


@dataclass(frozen=True)
class RadgraphCombined(Metric):
    """Mean of entity F1 and relation F1 of each study, averaged over studies.

    Entities match by words and label, relations by both entities and their own label; letter case
    counts. An F1 is 0 where it is undefined, so that two equal reports without a relation score
    0.5. Several references: the best one.

    ``precision`` "bfloat16" or "int8" (CPU only) rounds the products of the model that reads; its
    annotations then deviate from the official ones, as docs/performance.md measures, and the
    signature says so.

    Source: rajpurkarlab/CXR-Report-Metric, ``radgraph_evaluate_model.py`` (the first RadGraph).
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="radgraph_combined",
        outputs=(Output("radgraph_combined"),),
        version=1,
        empty="has no entities: 0, both empty included",
        source="github.com/rajpurkarlab/CXR-Report-Metric",
    )
    annotator: str = "radgraph"
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        check_annotator(self.annotator)
        check_precision(self.precision)

    @property
    def annotators(self) -> tuple[str, ...]:
        """The model of this metric."""
        return (with_precision(self.annotator, self.precision),)

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 2): the study's mean F1, and 1."""
        predictions, flat = samples.annotations(self.annotators[0])
        found = list(map(combined_sets, predictions))
        wanted = samples.regroup(list(map(combined_sets, flat)))
        scores = [
            max(combined_f1(own, reference) for reference in references)
            for own, references in zip(found, wanted, strict=True)
        ]
        return np.column_stack((np.array(scores, float), np.ones(len(scores))))

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean."""
        return ratio(totals[..., :1], totals[..., 1:])


def combined_f1(found: tuple[Items, Items], wanted: tuple[Items, Items]) -> float:
    """Return the mean of entity and relation F1, given both sides' entities and relations."""
    (entities, relations), (wanted_entities, wanted_relations) = found, wanted
    return (f1(entities, wanted_entities) + f1(relations, wanted_relations)) / 2
