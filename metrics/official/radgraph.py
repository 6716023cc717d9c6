"""RadGraph F1 by radgraph 0.1.18, in the reference environment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from metrics._radgraph_combined import combined_f1
from metrics._radgraph_rewards import combined_sets
from metrics.annotators.radgraph.words import words
from metrics.annotators.sources import weights_of
from metrics.official import OfficialScores, mean_scores
from metrics.official.clinical import worker
from metrics.weights import locate

_LEVELS = ("radgraph_simple", "radgraph_partial", "radgraph_complete")
_NOTHING: dict[str, Any] = {"entities": {}}


def scores(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    annotator: str = "radgraph",
    matching: str = "pypi",
) -> OfficialScores:
    """Return the three rewards; of several references, the best one for each.

    The package matches as "pypi" does; the repository's head is no release.
    """
    if matching != "pypi":
        return OfficialScores({}, {})
    pairs = [(p, r) for p, group in zip(predictions, references, strict=True) for r in group]
    hyps, refs = ([_with_words(pair[side], annotator) for pair in pairs] for side in (0, 1))
    rewards = worker().ask("radgraph_rewards", hyps=hyps, refs=refs, **_model(annotator)).result
    columns = zip(_LEVELS, rewards["rewards"], strict=True)
    return mean_scores({name: best(values, references) for name, values in columns})


def combined_scores(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    annotator: str = "radgraph",
) -> OfficialScores:
    """Return the mean of entity and relation F1 of the package's annotations.

    CXR-Report-Metric is no package: its arithmetic is ours.
    """
    flat = [text for group in references for text in group]
    texts = [text for text in dict.fromkeys([*predictions, *flat]) if _with_words(text, annotator)]
    found = worker().ask("radgraph", texts=texts, **_model(annotator)).result
    sets = {t: combined_sets(a or _NOTHING) for t, a in zip(texts, found, strict=True)}
    empty = combined_sets(_NOTHING)
    values = [
        combined_f1(sets.get(prediction, empty), sets.get(reference, empty))
        for prediction, group in zip(predictions, references, strict=True)
        for reference in group
    ]
    return mean_scores({"radgraph_combined": best(values, references)})


def best(values: Sequence[float], references: Sequence[Sequence[str]]) -> list[float]:
    """Return the largest of each sample's values, one per reference."""
    ends = accumulate(map(len, references), initial=0)
    return [max(values[start:end]) for start, end in pairwise(ends)]


def _with_words(text: str, annotator: str) -> str:
    # the package fails on a text without words, unless it is empty
    return text if words(text, annotator) else ""


def _model(annotator: str) -> dict[str, str]:
    archive, encoder = (str(locate(name).resolve()) for name in weights_of(annotator))
    return {"archive": archive, "encoder": encoder, "model_type": annotator}
