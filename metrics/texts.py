"""Check what callers hand in as texts, so that every metric can rely on lists of strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from metrics.errors import InputError


def prediction_list(predictions: Iterable[object], what: str = "predictions") -> list[str]:
    """Return the texts as a list; a pandas Series is one too.

    Raises
    ------
    InputError
        If ``predictions`` is no list, or an element is not a string (NaN, None, a number).
    """
    check_list(predictions, what, "a list of texts")
    texts: list[str] = []
    for position, text in enumerate(predictions):
        if not isinstance(text, str):
            raise InputError(
                f"{what}[{position}] is {_kind(text)}, not a text. "
                "Fill gaps with an empty string if a missing report should count as empty."
            )
        texts.append(text)
    return texts


def reference_lists(
    references: Iterable[str | Sequence[str]], what: str = "references"
) -> list[list[str]]:
    """Return one list of reference texts per sample from strings or lists of strings.

    Raises
    ------
    InputError
        If ``references`` is no list, an element is neither, or a sample has no reference.
    """
    check_list(references, what, "a list of texts, or of lists of texts")
    lists: list[list[str]] = []
    for position, one in enumerate(references):
        if isinstance(one, str):
            lists.append([one])
            continue
        if not isinstance(one, Iterable):
            raise InputError(f"{what}[{position}] is {_kind(one)}, not a text.")
        lists.append(prediction_list(one, f"{what}[{position}]"))
        if not lists[-1]:
            raise InputError(f"{what}[{position}] is an empty list. Give at least one text.")
    return lists


def check_list(texts: object, what: str, wanted: str) -> None:
    """Refuse what is no list, and what has no order or would give keys in place of texts."""
    if isinstance(texts, str):
        raise InputError(f"{what} is one string. Give {wanted}.")
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping | set | frozenset):
        raise InputError(f"{what} is {_kind(texts)}. Give {wanted}.")


def _kind(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"
