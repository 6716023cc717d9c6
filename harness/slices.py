"""Slices: groups of studies that are scored on their own, beside the whole test set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from harness.errors import InputError
from harness.study import Study
from harness.suggest import suggestion
from metrics.annotators.sources import annotate, weights_of
from metrics.conditions import is_abnormal
from metrics.files.quoting import quoted
from metrics.results import Score
from metrics.scoring import Resampling, Tally, score_systems

DEFAULT_SLICES = ("has_prior", "view", "report_length")
ABNORMAL = "abnormal"
"""The slice that CheXbert makes."""
QUESTION_TAGS = ("answer_type", "question_type", "semantic_type", "content_type")
"""Tags of questions in published data sets; a slice may name them even if no study has them."""
_MOST_VALUES = 12
_LABELLER = "chexbert"


@dataclass(frozen=True)
class Slice:
    """The scores of the studies that share one value of a slice."""

    name: str
    value: str
    n: int
    scores: dict[str, dict[str, Score]]


def check_slices(names: Sequence[str], studies: Sequence[Study]) -> None:
    """Raise InputError if a slice is named after a tag that no study has."""
    tags = {tag for study in studies for tag in study.tags}
    known = sorted({*DEFAULT_SLICES, *QUESTION_TAGS, *_BUILT_IN, *tags})
    for name in names:
        if name not in known:
            raise InputError(
                f"No study has the tag {quoted(name)} that a slice names. {suggestion(name, known)}"
            )


def slice_weights(name: str) -> tuple[str, ...]:
    """Return the names of the weights that a slice cannot do without."""
    return weights_of(_LABELLER) if name == ABNORMAL else ()


def slice_scores(
    names: Sequence[str],
    studies: Sequence[Study],
    references: Sequence[Sequence[str]],
    counted: Tally,
    resampling: Resampling,
) -> list[Slice]:
    """Score every value of every slice; a slice that does not split the studies is left out."""
    slices = []
    for name in names:
        labels = _labels(name, studies, references)
        values = sorted({label for label in labels if label is not None})
        if len(values) < 2 or len(values) > _MOST_VALUES:
            continue
        for value in values:
            rows = np.array([label == value for label in labels])
            scores = score_systems(counted.subset(rows), resampling)
            slices.append(Slice(name, value, int(rows.sum()), scores))
    return slices


def _labels(
    name: str, studies: Sequence[Study], references: Sequence[Sequence[str]]
) -> list[str | None]:
    if name in _BUILT_IN:
        return _BUILT_IN[name](studies, references)
    return [study.tags.get(name) for study in studies]


def _has_prior(studies: Sequence[Study], _: Sequence[Sequence[str]]) -> list[str | None]:
    words = {True: "yes", False: "no", None: None}
    return [words[study.has_prior] for study in studies]


def _abnormal(_: Sequence[Study], references: Sequence[Sequence[str]]) -> list[str | None]:
    """Whether CheXbert finds one of a study's references abnormal."""
    flat = [text for texts in references for text in texts]
    verdicts = dict(
        zip(flat, is_abnormal([a.labels for a in annotate(_LABELLER, flat)]), strict=True)
    )
    return ["yes" if any(verdicts[text] for text in texts) else "no" for texts in references]


def _report_length(_: Sequence[Study], references: Sequence[Sequence[str]]) -> list[str | None]:
    """Thirds of the test set by the words of the (first) reference."""
    words = np.array([len(texts[0].split()) for texts in references])
    low, high = np.quantile(words, [1 / 3, 2 / 3])
    short, medium = f"1 short (up to {floor(low)} words)", f"2 medium (up to {floor(high)})"
    long = f"3 long (over {floor(high)})"
    return [short if w <= low else long if w > high else medium for w in words.tolist()]


_BUILT_IN: dict[str, Callable[[Sequence[Study], Sequence[Sequence[str]]], list[str | None]]] = {
    ABNORMAL: _abnormal,
    "has_prior": _has_prior,
    "report_length": _report_length,
}
