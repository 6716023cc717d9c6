"""What a metric is given: predictions, their references, and what is known of each study."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from metrics.errors import InputError
from metrics.treatments import treatment

T = TypeVar("T")


class Texts:
    """A list of texts that analyses each distinct text once and remembers the result.

    Analyses are batch functions ``list[str] -> list[T]``: they see the distinct texts only.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        position: dict[str, int] = {}
        self.index: NDArray[np.int64] = np.fromiter(
            (position.setdefault(text, len(position)) for text in texts), np.int64, len(texts)
        )
        self.distinct: list[str] = list(position)
        self._analyses: dict[Hashable, list[Any]] = {}
        self._prepared: dict[str, Texts] = {}

    def __len__(self) -> int:
        return len(self.index)

    def all(self) -> list[str]:
        """Return the texts in the order given."""
        return [self.distinct[i] for i in self.index.tolist()]

    def map(self, key: Hashable, function: Callable[[list[str]], list[T]]) -> list[T]:
        """Return ``function``'s result for every text, computed once per distinct text and key."""
        if key not in self._analyses:
            self._analyses[key] = function(self.distinct)
        results: list[T] = self._analyses[key]
        return [results[i] for i in self.index.tolist()]

    def prepared(self, name: str) -> Texts:
        """Return these texts after the named treatment; ``raw`` leaves them as they are."""
        prepare = treatment(name)
        if prepare is None:
            return self
        if name not in self._prepared:
            done = [prepare(text) for text in self.distinct]
            self._prepared[name] = Texts([done[i] for i in self.index.tolist()])
        return self._prepared[name]


@dataclass(frozen=True, eq=False)
class TestSet:
    """The studies that systems are scored on; shared by all of them.

    Parameters
    ----------
    ids
        One unique id per sample.
    references
        One or more reference texts per sample.
    has_prior
        Whether the study has a prior image; None where unknown.
    contexts
        The sections handed to the model beside the images, by name; None where unknown.
    tags
        Words about each sample by name, such as ``answer_type``; None where unknown.
    """

    __test__ = False  # pytest would collect the name

    ids: Sequence[str]
    references: Sequence[Sequence[str]]
    has_prior: Sequence[bool | None] | None = None
    contexts: Sequence[Mapping[str, str]] | None = None
    tags: Sequence[Mapping[str, str]] | None = None

    def __post_init__(self) -> None:
        lengths = {"references": self.references, "has_prior": self.has_prior}
        for name, values in {**lengths, "contexts": self.contexts, "tags": self.tags}.items():
            if values is not None and len(values) != len(self.ids):
                raise InputError(f"{name} has {len(values)} entries for {len(self.ids)} samples.")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def reference_counts(self) -> NDArray[np.int64]:
        """References per sample, shape (n,)."""
        return np.fromiter((len(r) for r in self.references), np.int64, len(self.references))

    @cached_property
    def reference_texts(self) -> Texts:
        """All references, flattened in sample order."""
        return Texts([text for texts in self.references for text in texts])

    def slice(self, start: int, stop: int) -> TestSet:
        """Return samples ``start`` to ``stop`` as a test set of their own."""
        return TestSet(
            self.ids[start:stop],
            self.references[start:stop],
            None if self.has_prior is None else self.has_prior[start:stop],
            None if self.contexts is None else self.contexts[start:stop],
            None if self.tags is None else self.tags[start:stop],
        )


@dataclass(frozen=True, eq=False)
class Samples:
    """One system's predictions on a test set.

    ``prior_shown`` tells per sample whether the model was given a prior image; where it is
    None, ``has_prior`` of the test set stands for it.
    """

    test_set: TestSet
    prediction_texts: Texts
    prior_shown: Sequence[bool | None] | None = None
    treatment: str = field(default="raw")

    @classmethod
    def of(
        cls,
        predictions: Sequence[str],
        test_set: TestSet,
        prior_shown: Sequence[bool | None] | None = None,
    ) -> Samples:
        """Pair ``predictions`` with the test set, in its order."""
        if len(predictions) != len(test_set):
            raise InputError(
                f"{len(predictions)} predictions for {len(test_set)} references. "
                "Give one prediction per reference, in the same order."
            )
        shown = test_set.has_prior if prior_shown is None else prior_shown
        return cls(test_set, Texts(predictions), shown)

    def __len__(self) -> int:
        return len(self.test_set)

    @property
    def ids(self) -> Sequence[str]:
        """The samples' ids."""
        return self.test_set.ids

    @property
    def has_prior(self) -> Sequence[bool | None] | None:
        """Whether each study has a prior image, where known."""
        return self.test_set.has_prior

    @property
    def contexts(self) -> Sequence[Mapping[str, str]] | None:
        """The context sections of each study, where known."""
        return self.test_set.contexts

    @property
    def tags(self) -> Sequence[Mapping[str, str]] | None:
        """The tags of each sample, where known."""
        return self.test_set.tags

    @property
    def predictions(self) -> list[str]:
        """The predictions under this treatment."""
        return self.prediction_texts.all()

    @property
    def _reference_texts(self) -> Texts:
        return self.test_set.reference_texts.prepared(self.treatment)

    @property
    def flat_references(self) -> list[str]:
        """All references under this treatment, flattened in sample order."""
        return self._reference_texts.all()

    @property
    def reference_counts(self) -> NDArray[np.int64]:
        """References per sample, shape (n,): how to regroup the flat list."""
        return self.test_set.reference_counts

    @property
    def references(self) -> list[list[str]]:
        """The references under this treatment, a list per sample."""
        return self.regroup(self.flat_references)

    def regroup(self, flat: Sequence[T]) -> list[list[T]]:
        """Return values of the flat references as one list per sample."""
        stops = np.cumsum(self.reference_counts).tolist()
        return [list(flat[a:b]) for a, b in zip([0, *stops], stops, strict=False)]

    def prepared(self, treatment: str) -> Samples:
        """Return the same samples with a text treatment applied to raw texts."""
        if treatment == self.treatment:
            return self
        if self.treatment != "raw":
            raise InputError(f"These texts already had the treatment {self.treatment!r}.")
        texts = self.prediction_texts.prepared(treatment)
        return Samples(self.test_set, texts, self.prior_shown, treatment)

    def map_predictions(self, key: Hashable, function: Callable[[list[str]], list[T]]) -> list[T]:
        """Return a batch analysis of every prediction, shared by all metrics under ``key``."""
        return self.prediction_texts.map(key, function)

    def map_references(self, key: Hashable, function: Callable[[list[str]], list[T]]) -> list[T]:
        """Return a batch analysis of the flat references, shared by metrics *and* systems."""
        return self._reference_texts.map(key, function)

    def annotations(self, name: str) -> tuple[list[Any], list[Any]]:
        """Return the named annotator's annotations of the predictions and of the flat references.

        Raises
        ------
        InputError
            If no annotator has this name.
        MissingError
            If its weights are not there.
        """
        from metrics.annotators.sources import annotate

        def batch(texts: list[str]) -> list[Any]:
            return annotate(name, texts)

        key = ("annotations", name)
        return self.map_predictions(key, batch), self.map_references(key, batch)
