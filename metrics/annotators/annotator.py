"""What every annotator is: texts in, one annotation per text out, in batches of its choosing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from metrics.errors import MetricsError

T = TypeVar("T")


class UnfinishedError(Exception):
    """Annotating ended in ``error``; ``done`` holds the annotations before it, by text."""

    def __init__(self, done: Mapping[str, Any], error: MetricsError) -> None:
        self.done = done
        self.error = error


class Annotator(ABC, Generic[T]):
    """A loaded model that maps texts to annotations.

    ``version`` grows when an annotation of the same text by the same weights moves. An annotation
    must not depend on the other texts of the call. ``encode`` and ``decode`` need no loaded model,
    so that remembered annotations are read without one.
    """

    version: ClassVar[int]

    @abstractmethod
    def annotate_distinct(self, texts: Sequence[str]) -> list[T]:
        """Return one annotation per text, in order; the texts are distinct.

        Raises
        ------
        UnfinishedError
            If it ends in an error after some texts, whose annotations are worth keeping.
        """

    @staticmethod
    @abstractmethod
    def encode(annotation: T) -> bytes:
        """Return the annotation as bytes."""

    @staticmethod
    @abstractmethod
    def decode(data: bytes) -> T:
        """Return the annotation of which ``encode`` made these bytes, equal to the last digit."""

    @staticmethod
    def keep(annotation: T) -> bool:
        """Whether to remember the annotation; a judge's failure, say, is asked for again."""
        return True
