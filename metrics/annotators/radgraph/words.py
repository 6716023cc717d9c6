"""A report's words as RadGraph's models were trained to read them."""

from __future__ import annotations

import re

import regex  # type: ignore[import-untyped]

OLD = "radgraph"
"""The model type whose text rule is its own; all later ones share the other."""

_SET_APART = re.compile(r"[/,:.!?()]")
_SPACE = re.compile(r"\s+")
# NLTK's wordpunct_tokenize, which counts a combining accent as a part of the word
_RUN = regex.compile(r"\w+|[^\w\s]+")
_ESCAPES = (("\\n", "  "), ("\\f", "  "), ("\\u2122", " " * 6), ("\n", " "), ('\\"', "``"))
_RUNS_PARTED = ((").", ") ."), ("%.", "% ."), (".'", ". '"), ("%,", "% ,"), ("%)", "% )"))


def words(text: str, model_type: str) -> list[str]:
    """Return the words of a report, which count as one sentence.

    Source: radgraph 0.1.18, ``utils.preprocess_reports``; its rule for ``echograph`` can never be
    reached there, so that reports of that model follow the rule of ``radgraph-xl``.

    >>> words("Tube 3.5 cm (low).", "radgraph")
    ['Tube', '3', '.', '5', 'cm', '(', 'low', ')', '.']
    >>> words("Up 30%.  Clear!!", "radgraph-xl")
    ['Up', '30', '%', '.', 'Clear', '!!']
    """
    if model_type == OLD:
        return _SET_APART.sub(r" \g<0> ", text).split()
    for old, new in _ESCAPES:
        text = text.replace(old, new)
    runs = " ".join(_RUN.findall(_SPACE.sub(" ", text)))
    for old, new in _RUNS_PARTED:
        runs = runs.replace(old, new)
    return runs.split()
