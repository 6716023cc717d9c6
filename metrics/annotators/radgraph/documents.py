"""Annotations in the form that the radgraph package gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]


def document(
    words: Sequence[str],
    entities: Sequence[tuple[int, int, str]],
    relations: Sequence[tuple[int, int, str]],
) -> Document:
    """Return a report's annotation, equal to the official one.

    Parameters
    ----------
    words
        The report's words.
    entities
        (first word, last word, label), in span order.
    relations
        (index of subject, index of object, label), in order.

    Examples
    --------
    >>> found = document(["no", "effusion"], [(1, 1, "OBS-DA")], [])
    >>> found["entities"]["1"]
    {'tokens': 'effusion', 'label': 'OBS-DA', 'start_ix': 1, 'end_ix': 1, 'relations': []}
    """
    found = {
        str(number): {
            "tokens": " ".join(words[start : end + 1]),
            "label": label,
            "start_ix": start,
            "end_ix": end,
            "relations": [],
        }
        for number, (start, end, label) in enumerate(entities, start=1)
    }
    for subject, object_, label in relations:
        found[str(subject + 1)]["relations"].append([label, str(object_ + 1)])  # type: ignore[attr-defined]
    return {
        "text": " ".join(words),
        "entities": found,
        "data_source": None,
        "data_split": "inference",
    }
