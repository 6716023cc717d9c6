"""RadGraph F1: clinical entities and relations that two reports share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from metrics._radgraph_rewards import Annotation, Items, check_matching, f1, reward_sets
from metrics.errors import InputError
from metrics.metric import FloatArray, Metric, MetricInfo, Output, Span, ratio
from metrics.precision import FLOAT32, check_precision, with_precision
from metrics.samples import Samples
from metrics.tokens.offsets import align

MODELS = ("radgraph", "radgraph-xl", "modern-radgraph-xl", "echograph")
TYPES = ("anatomy", "observation_present", "observation_uncertain", "observation_absent")
_ENDS = {
    "OBS-DP": "observation_present",
    "OBS-U": "observation_uncertain",
    "OBS-DA": "observation_absent",
    "definitely present": "observation_present",
    "uncertain": "observation_uncertain",
    "definitely absent": "observation_absent",
}


@dataclass(frozen=True)
class Radgraph(Metric):
    """F1 of the entities and relations that RadGraph finds in prediction and reference.

    ``radgraph_simple`` (RG_E), ``radgraph_partial`` (RG_ER) and ``radgraph_complete`` (RG_ER_bar)
    are means over studies of the package's rewards (`radgraph_rewards`), 0 where either report
    has no entity. Several references: the best one for each score.

    ``radgraph_anatomy`` and ``radgraph_observation_present``, ``_uncertain`` and ``_absent`` are
    F1 over entities of one kind (words and label, measurements included), counted over all
    studies; undefined where neither side has any. Several references: the one with the best F1 of
    that kind.

    ``annotator`` is the model that reads the reports, always as they are, without a treatment.
    ``matching`` "pypi" compares words as radgraph 0.1.18 does, "github" as the repository's head
    does, whatever the letter case.

    ``precision`` "bfloat16" or "int8" (CPU only) rounds the products of the model that reads; its
    annotations then deviate from the official ones, as docs/performance.md measures, and the
    signature says so.

    Source: radgraph 0.1.18, ``rewards.py``; Delbrouck et al. 2022 (arXiv 2210.12186). The scores
    by kind are ours.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="radgraph",
        outputs=(
            Output("radgraph_simple"),
            Output("radgraph_partial"),
            Output("radgraph_complete"),
            *(Output(f"radgraph_{kind}") for kind in TYPES),
        ),
        version=1,
        empty="has no entities: 0, both empty included; counts as all missed by kind",
        source="pypi.org/project/radgraph 0.1.18, rewards.py",
    )
    annotator: str = "radgraph"
    matching: str = "pypi"
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        check_annotator(self.annotator)
        check_matching(self.matching)
        check_precision(self.precision)

    @property
    def annotators(self) -> tuple[str, ...]:
        """The model of this metric."""
        return (with_precision(self.annotator, self.precision),)

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 12): the three rewards, 1, and two counts for each kind of entity.

        They are twice the entities in common, and the entities of both sides.
        """
        predictions, flat = samples.annotations(self.annotators[0])
        found = [reward_sets(annotation, self.matching) for annotation in predictions]
        wanted = samples.regroup([reward_sets(annotation, self.matching) for annotation in flat])
        rows = np.ones((len(samples), 4 + 2 * len(TYPES)))
        for row, own, references in zip(rows, found, wanted, strict=True):
            for level in range(3):
                row[level] = max(f1(own[level], reference[level]) for reference in references)
            row[4:] = _kind_counts(own[0], [reference[0] for reference in references])
        return rows

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean rewards and the F1 of each kind."""
        means = ratio(totals[..., :3], totals[..., 3:4])
        return np.concatenate((means, ratio(totals[..., 4::2], totals[..., 5::2])), axis=-1)

    def spans(self, prediction: str, references: Sequence[str]) -> list[Span]:
        """Return every entity of the prediction and of the first reference."""
        from metrics.annotators.sources import annotate

        own, *others = annotate(self.annotators[0], [prediction, *references])
        found = reward_sets(own, self.matching)[0]
        wanted = [reward_sets(other, self.matching)[0] for other in others]
        return [
            *_side("prediction", prediction, own, frozenset().union(*wanted), self.matching),
            *_side("reference", references[0], others[0], found, self.matching),
        ]


def check_annotator(name: str) -> None:
    """Refuse a name that is no RadGraph model's."""
    if name not in MODELS:
        raise InputError(f"annotator is {name!r}. Write one of {', '.join(MODELS)}.")


def kind_of(label: str) -> str | None:
    """Return the kind of entity that a label of any RadGraph version stands for.

    >>> kind_of("Observation::measurement::definitely present")
    'observation_present'
    """
    if label.startswith(("ANAT", "Anatomy")):
        return "anatomy"
    return _ENDS.get(label.rsplit("::", 1)[-1])


def entity_places(text: str, annotation: Annotation) -> Iterator[tuple[int, int, Any]]:
    """Yield start and end in the raw text, and the entity; one that is not found is left out."""
    places = align(text, annotation["text"].split(" "))
    for entity in annotation["entities"].values():
        own = [place for place in places[entity["start_ix"] : entity["end_ix"] + 1] if place]
        if own:
            yield own[0][0], own[-1][1], entity


def _side(
    side: Literal["prediction", "reference"],
    text: str,
    annotation: Annotation,
    other: Items,
    matching: str,
) -> Iterator[Span]:
    lonely: Literal["invented", "missed"] = "invented" if side == "prediction" else "missed"
    for start, end, entity in entity_places(text, annotation):
        (item,) = reward_sets({"entities": {"1": {**entity, "relations": []}}}, matching)[0]
        yield Span(side, start, end, "matched" if item in other else lonely, entity["label"])


def _kind_counts(own: Items, references: Sequence[Items]) -> list[float]:
    found = _by_kind(own)
    wanted = [_by_kind(reference) for reference in references]
    counts: list[float] = []
    for kind in TYPES:
        pairs: list[tuple[float, float]] = [
            (2.0 * len(found[kind] & other[kind]), float(len(found[kind]) + len(other[kind])))
            for other in wanted
        ]
        best: tuple[float, float] = max(pairs, key=_goodness)
        counts += best
    return counts


def _goodness(pair: tuple[float, float]) -> tuple[float, float]:
    """Return what the best reference has most of: F1, where no entities agree too; few errors."""
    return (pair[0] / pair[1] if pair[1] else 1.0, -pair[1])


def _by_kind(items: Items) -> dict[str, set[tuple[Any, ...]]]:
    found: dict[str, set[tuple[Any, ...]]] = {kind: set() for kind in TYPES}
    for item in items:
        kind = kind_of(item[1])
        if kind is not None:
            found[kind].add(item)
    return found
