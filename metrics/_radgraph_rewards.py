"""Rewards between two RadGraph annotations: F1 of sets of entities with their relations."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Literal

from metrics.errors import InputError

Annotation = Mapping[str, Any]
Matching = Literal["pypi", "github"]
Items = frozenset[tuple[Any, ...]]
MATCHINGS = ("pypi", "github")
LEVELS = ("simple", "partial", "complete")


def radgraph_rewards(
    prediction_annotation: Annotation,
    reference_annotation: Annotation,
    matching: Matching = "pypi",
) -> dict[str, float]:
    """Return the rewards RG_E, RG_ER and RG_ER_bar of one pair of annotations.

    Each is the F1 of two sets. ``simple``: an entity's words and label. ``partial``: also whether
    it has a relation. ``complete``: also each of its relations, with the other entity's words. An
    annotation without entities gets 0, against any other.

    Parameters
    ----------
    prediction_annotation, reference_annotation
        As `RadGraphAnnotator.annotate` gives them: a dict with ``entities``.
    matching
        "pypi", as radgraph 0.1.18 has it: letter case counts, but not for entities with relations
        in ``complete``. "github", as the repository's head has it: letter case never counts.

    Raises
    ------
    InputError
        If ``matching`` is unknown, or an annotation lacks a field or names an entity it has not.

    Examples
    --------
    >>> lungs = {"tokens": "lungs", "label": "ANAT-DP", "relations": []}
    >>> clear = {"tokens": "clear", "label": "OBS-DP", "relations": [["located_at", "1"]]}
    >>> report, short = {"entities": {"1": lungs, "2": clear}}, {"entities": {"1": lungs}}
    >>> round(radgraph_rewards(short, report)["complete"], 4)
    0.6667
    """
    found = reward_sets(prediction_annotation, matching)
    wanted = reward_sets(reference_annotation, matching)
    return {level: f1(*pair) for level, *pair in zip(LEVELS, found, wanted, strict=True)}


def check_matching(matching: str) -> None:
    """Refuse a matching that is not known."""
    if matching not in MATCHINGS:
        raise InputError(f"matching is {matching!r}. Write one of {', '.join(MATCHINGS)}.")


def reward_sets(annotation: Annotation, matching: str) -> tuple[Items, Items, Items]:
    """Return the items of the levels simple, partial and complete.

    Raises
    ------
    InputError
        If ``matching`` is unknown, or the annotation lacks a field or names an entity it has not.
    """
    check_matching(matching)
    fold = str.lower if matching == "github" else str
    try:
        entities = annotation["entities"]
        simple = [(fold(e["tokens"]), e["label"]) for e in entities.values()]
        related = [bool(e["relations"]) for e in entities.values()]
        partial = [
            (*item, True) if has else item for item, has in zip(simple, related, strict=True)
        ]
        complete = [item for item, has in zip(simple, related, strict=True) if not has]
        relations = [
            (e["tokens"].lower(), e["label"], label, entities[target]["tokens"].lower())
            for e in entities.values()
            for label, target in e["relations"]
        ]
        return frozenset(simple), frozenset(partial), frozenset([*complete, *relations])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise not_an_annotation(error) from error


def combined_sets(annotation: Annotation) -> tuple[Items, Items]:
    """Return the entities and the relations as RadCliQ counts them; letter case counts.

    Raises
    ------
    InputError
        If the annotation lacks a field or names an entity it has not.
    """
    try:
        entities = annotation["entities"]
        items = {key: (e["tokens"], e["label"]) for key, e in entities.items()}
        relations = frozenset(
            (items[key], items[target], label)
            for key, entity in entities.items()
            for label, target in entity["relations"]
        )
        return frozenset(items.values()), relations
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise not_an_annotation(error) from error


def f1(found: AbstractSet[Any], wanted: AbstractSet[Any]) -> float:
    """Return the F1 of two sets, 0 where it is undefined."""
    matched = len(found & wanted)
    if not matched:
        return 0.0
    precision, recall = matched / len(found), matched / len(wanted)
    return 2 * precision * recall / (precision + recall)


def not_an_annotation(error: Exception) -> InputError:
    """Return the error for what is no RadGraph annotation; it quotes no text."""
    return InputError(
        "A RadGraph annotation is a dict with `entities`, each with tokens, label and relations "
        f"[label, id of an entity of the same report]; this one is not ({type(error).__name__})."
    )
