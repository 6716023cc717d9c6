"""The score of one pair of reports, from the entities of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from metrics.annotators.ratescore.affinity import Affinity
from metrics.annotators.ratescore.entities import Entity
from metrics.annotators.ratescore.nearest import largest

NO_ENTITIES = 0.5
_SHORTEST = 1e-12  # as torch.nn.functional.normalize: a vector of zeros stays one


def pair_score(
    prediction: Sequence[Entity],
    reference: Sequence[Entity],
    vectors: Mapping[str, NDArray[np.float32]],
    affinity: Affinity,
) -> float:
    """Return the RaTEScore of a pair: 0.5 if either side has no entity.

    Each entity looks for the other side's nearest one by cosine; the cosines are averaged by the
    weights of the pairs of types. The score is the harmonic mean of both directions, and beyond
    0 and 1 where cosines are negative.

    Source: RaTEScore 0.6.0, ``scorer.py`` and ``utils.py``. Where one text is found under two
    types, the type that counts there hangs on rounding in its matrix product; here equal texts
    are equally near, and `largest` decides.

    Parameters
    ----------
    prediction, reference
        The entities of each side, in the order of the report.
    vectors
        The vector of each entity's text, float32 (dim,).
    affinity
        The weights.
    """
    if not prediction or not reference:
        return NO_ENTITIES
    cosines = _cosines(reference, prediction, vectors)
    forward = _one_direction(reference, prediction, cosines, affinity)
    backward = _one_direction(prediction, reference, cosines.T, affinity)
    both = forward + backward
    return 2 * forward * backward / both if both else 0.0


def _cosines(
    rows: Sequence[Entity], columns: Sequence[Entity], vectors: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Return the cosine of each pair, float32; equal texts have equal cosines to the last digit."""
    texts = list(dict.fromkeys(text for text, _ in [*rows, *columns]))
    place = {text: i for i, text in enumerate(texts)}
    found = np.array([vectors[text] for text in texts], np.float32)
    lengths = np.sqrt((found * found).sum(axis=1, keepdims=True))
    units = found / np.maximum(lengths, np.float32(_SHORTEST))
    table: NDArray[np.float32] = units @ units.T
    return table[np.ix_([place[text] for text, _ in rows], [place[text] for text, _ in columns])]


def _one_direction(
    asking: Sequence[Entity],
    asked: Sequence[Entity],
    cosines: NDArray[np.float32],
    affinity: Affinity,
) -> float:
    total = weights = 0.0
    for (_, kind), row in zip(asking, cosines.tolist(), strict=True):
        place = largest(row)
        nearest = asked[place][1]
        weight = affinity.weight(kind, nearest)
        total += row[place] * weight * affinity.factor(kind, nearest)
        weights += weight
    return total / weights if weights else 0.0
