"""Find the most similar of many short texts, in bounded memory and always the same one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

SIMILARITIES_AT_ONCE = 20_000_000
"""Cells of the similarity matrix computed together: about 240 MB where all are above 0."""


class ContextIndex:
    """TF-IDF vectors of texts, searched by cosine."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._vectorizer: Any = None
        self._rows_at_once = max(1, SIMILARITIES_AT_ONCE // max(1, len(texts)))
        self._build(texts)

    def _build(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b")  # noqa: S106 (no password)
        analyse = vectorizer.build_analyzer()
        if not any(analyse(text) for text in texts):
            return  # no words at all: nothing is ever near, and scikit-learn would raise
        self._columns = vectorizer.fit_transform(texts).T.tocsr()
        self._vectorizer = vectorizer

    def nearest(self, queries: Sequence[str]) -> list[int | None]:
        """Return the position of the most similar text for each query, the first of equals.

        None where no text shares a word with the query.
        """
        if self._vectorizer is None:
            return [None] * len(queries)
        vectors = self._vectorizer.transform(queries)
        found: list[int | None] = []
        for start in range(0, len(queries), self._rows_at_once):
            found.extend(_best_per_row(vectors[start : start + self._rows_at_once] @ self._columns))
        return found


def _best_per_row(similarities: Any) -> list[int | None]:
    best: list[int | None] = []
    for start, stop in pairwise(similarities.indptr.tolist()):
        values = similarities.data[start:stop]
        columns = similarities.indices[start:stop]
        best.append(int(columns[values == values.max()].min()) if stop > start else None)
    return best
