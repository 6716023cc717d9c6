"""Temporal F1: overlap of the temporal keywords of two reports, as Libra publishes it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metrics.errors import InputError
from metrics.metric import FloatArray, Metric, MetricInfo, Output, Span, ratio
from metrics.samples import Samples
from metrics.temporal.keywords import keywords, positions, published_keywords
from metrics.texts import prediction_list, reference_lists
from metrics.treatments import treatment

_EPSILON = 1e-10  # the published constant; it is why a perfect match is 0.99999999995


@dataclass(frozen=True)
class TemporalF1(Metric):
    """F1 between the sets of temporal keywords of prediction and reference, averaged over studies.

    Two texts without a keyword score 1.0, so a model that never compares scores high wherever
    references seldom do. ``temporal_f1_present`` is the mean over the studies whose reference has
    a keyword; its count says how many those are, and it is undefined where there are none.

    Under the treatment ``libra`` keywords are looked for after the published cleaning, which glues
    words around a slash; otherwise whole words of the text count, and a slash separates them.
    Several references: the union of their keywords.

    Source: X-iZhang/Libra, ``libra/eval/temporal_f1.py``. ``temporal_f1_present`` is ours.

    >>> scores = TemporalF1().score(["no change", "clear"], ["change", "clear"])
    >>> {name: round(score, 6) for name, score in scores.items()}
    {'temporal_f1': 1.0, 'temporal_f1_present': 1.0}
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="temporal_f1",
        outputs=(Output("temporal_f1"), Output("temporal_f1_present", count_column=3)),
        version=1,
        empty="has no keyword: 1.0 against a reference without one, about 0 against any other",
        source="X-iZhang/Libra, libra/eval/temporal_f1.py",
    )
    treatment: str = "raw"

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 4): F1, 1, F1 if the reference has a keyword, 1 if it has."""
        texts = samples.prepared(self.treatment)
        predicted = texts.map_predictions("temporal_keywords", _all_keywords)
        wanted = texts.regroup(texts.map_references("temporal_keywords", _all_keywords))
        rows = np.ones((len(samples), 4))
        for row, found, sets in zip(rows, predicted, wanted, strict=True):
            union = sets[0] if len(sets) == 1 else frozenset().union(*sets)
            row[0] = _f1(found, union)
            row[3] = bool(union)
        rows[:, 2] = rows[:, 0] * rows[:, 3]
        return rows

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean over all samples and over those whose reference has a keyword."""
        return ratio(totals[..., 0::2], totals[..., 1::2])

    def spans(self, prediction: str, references: Sequence[str]) -> list[Span]:
        """Return every keyword of the prediction and of the first reference."""
        prepare = treatment(self.treatment) or str
        found = keywords(prepare(prediction))
        first, *others = [keywords(prepare(text)) for text in references]
        wanted = first.union(*others)
        return [
            *(
                Span("prediction", start, end, "matched" if word in wanted else "invented", word)
                for start, end, word in positions(prediction)
                if word in found
            ),
            *(
                Span("reference", start, end, "matched" if word in found else "missed", word)
                for start, end, word in positions(references[0])
                if word in first
            ),
        ]


def temporal_f1_score(
    predictions: Sequence[str], references: Sequence[str | Sequence[str]]
) -> dict[str, Any]:
    """Return Libra's temporal F1 and the keywords it saw, always with the published cleaning.

    Parameters
    ----------
    predictions
        Texts to score.
    references
        A text, or several whose keywords are united, for each prediction.

    Returns
    -------
    dict
        ``f1``, the mean; ``prediction_entities`` and ``reference_entities``, a set of keywords
        for each pair.

    Raises
    ------
    InputError
        If the lists differ in length or are empty (the original raises AssertionError and
        ZeroDivisionError), or hold something that is no text.

    Examples
    --------
    >>> temporal_f1_score(["Effusion worsened.", "Clear."], ["It has worsened.", "It worsened."])
    {'f1': 0.500000000075, 'prediction_entities': [{'worsened'}, set()], \
'reference_entities': [{'worsened'}, {'worsened'}]}
    """
    given, lists = prediction_list(predictions), reference_lists(references)
    _check_pairs(len(given), len(lists))
    found = [set(published_keywords(text)) for text in given]
    wanted = [set().union(*map(published_keywords, texts)) for texts in lists]
    scores = [_f1(*pair) for pair in zip(found, wanted, strict=True)]
    return {
        "f1": sum(scores) / len(scores),
        "prediction_entities": found,
        "reference_entities": wanted,
    }


def _all_keywords(texts: list[str]) -> list[frozenset[str]]:
    return list(map(keywords, texts))


def _check_pairs(n_predictions: int, n_references: int) -> None:
    if n_predictions != n_references:
        raise InputError(
            f"{n_predictions} predictions for {n_references} references. "
            "Give one reference, or one list of references, per prediction."
        )
    if n_predictions == 0:
        raise InputError("There are no texts to score. Give at least one pair.")


def _f1(found: AbstractSet[str], wanted: AbstractSet[str]) -> float:
    if not wanted:
        return _EPSILON if found else 1.0
    matched = len(found & wanted)
    precision = (matched + _EPSILON) / (len(found) + _EPSILON)
    recall = (matched + _EPSILON) / (len(wanted) + _EPSILON)
    return 2 * precision * recall / (precision + recall + _EPSILON)
