"""Annotations through the cache: each distinct text is annotated once, ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from metrics.annotators.annotator import Annotator, UnfinishedError
from metrics.annotators.progress import begin
from metrics.cache import AnnotationCache

T = TypeVar("T")

CHUNK = 256


class RememberedAnnotator(Generic[T]):
    """An annotator that asks the cache first, and loads its model only for unknown texts.

    Parameters
    ----------
    kind
        The annotator's class; it decodes what is remembered.
    signature
        Everything that can move an annotation: weights by their SHA-256, settings. The class's
        version is added.
    load
        Makes the loaded annotator; called at most once.
    cache
        Where annotations are kept.
    chunk
        Texts annotated between two writes to the cache: what a kill loses at most.
    """

    def __init__(
        self,
        kind: type[Annotator[T]],
        signature: str,
        load: Callable[[], Annotator[T]],
        cache: AnnotationCache,
        chunk: int = CHUNK,
    ) -> None:
        self.signature = f"{signature}|v:{kind.version}"
        self._kind = kind
        self._load = load
        self._cache = cache
        self._chunk = chunk
        self._loaded: Annotator[T] | None = None

    def annotate(self, texts: Sequence[str]) -> list[T]:
        """Return one annotation per text, in order."""
        distinct = list(dict.fromkeys(texts))
        stored = self._cache.get(self.signature, distinct)
        found = {text: self._kind.decode(data) for text, data in stored.items()}
        # texts of one length together: little padding in each batch
        unknown = sorted((text for text in distinct if text not in found), key=len)
        advance = begin(self.signature.partition("|")[0], len(unknown))
        for start in range(0, len(unknown), self._chunk):
            part = unknown[start : start + self._chunk]
            try:
                new = dict(zip(part, self._annotator().annotate_distinct(part), strict=True))
            except UnfinishedError as unfinished:
                self._keep(unfinished.done)
                raise unfinished.error from unfinished
            self._keep(new)
            found.update(new)
            advance(len(part))
        return [found[text] for text in texts]

    def _keep(self, new: Mapping[str, T]) -> None:
        kept = {text: self._kind.encode(a) for text, a in new.items() if self._kind.keep(a)}
        self._cache.put(self.signature, kept)

    def _annotator(self) -> Annotator[T]:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded
