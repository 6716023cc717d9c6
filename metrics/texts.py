"""Check what callers hand in as texts, so that every metric can rely on lists of strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from metrics.errors import InputError


def prediction_list(predictions: Iterable[str], what: str = "predictions") -> list[str]:
    """Return the texts as a list; a pandas Series is one too.

    Raises
    ------
    InputError
        If ``predictions`` is one string, or an element is not a string (NaN, None, a number).
    """
    if isinstance(predictions, str):
        raise InputError(f"{what} is one string. Give a list of texts.")
    texts = list(predictions)
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(
                f"{what}[{position}] is {_kind(text)}, not a text. "
                "Fill gaps with an empty string if a missing report should count as empty."
            )
    return texts


def reference_lists(references: Iterable[str | Sequence[str]]) -> list[list[str]]:
    """Return one list of reference texts per sample from strings or lists of strings.

    Raises
    ------
    InputError
        If an element is neither, or a sample has no reference.
    """
    if isinstance(references, str):
        raise InputError("references is one string. Give a list of texts, or of lists of texts.")
    lists: list[list[str]] = []
    for position, one in enumerate(references):
        if isinstance(one, str):
            lists.append([one])
            continue
        if not isinstance(one, Iterable):
            raise InputError(f"references[{position}] is {_kind(one)}, not a text.")
        lists.append(prediction_list(one, f"references[{position}]"))
        if not lists[-1]:
            raise InputError(f"references[{position}] is an empty list. Give at least one text.")
    return lists


def _kind(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"
