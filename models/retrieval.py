"""The retrieval baseline: the report of the training study whose context reads most alike."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any, ClassVar

from models.adapter import FALLBACK, Adapter, BankReport, Generation, Request
from models.context_index import ContextIndex
from models.errors import InputError


@dataclass(frozen=True)
class RetrievalOptions:
    """The options of the baseline."""

    sections: list[str] | None = None
    """Context sections that are compared, in this order; None: all."""


class Retrieval(Adapter):
    """The report of the bank's study with the most similar context (cosine of TF-IDF vectors).

    Contexts are lower-cased words weighted by TF-IDF (scikit-learn's definitions, idf from the
    bank). The first study of the bank wins a tie. A study without context, or with no word that the
    bank knows, gets the bank's most frequent report (the first such on a tie) and the finish
    reason ``fallback``. Studies of the bank without a report are left out. No image is looked at.
    """

    Options: ClassVar[type[RetrievalOptions]] = RetrievalOptions
    needs_bank: ClassVar[bool] = True

    def prepare(self, bank: Sequence[BankReport]) -> None:
        """Keep the bank; it is indexed when the first request comes."""
        self._bank = [entry for entry in bank if entry.report.strip()]
        if not self._bank:
            raise InputError("The bank of the retrieval adapter holds no study with a report.")

    def fingerprint(self) -> dict[str, Any]:
        """Return the options, the bank's SHA-256 and the version of scikit-learn."""
        digest = hashlib.sha256()
        for entry in self._bank:
            line = [entry.sample_id, self._words(entry.context), entry.report]
            digest.update(json.dumps(line).encode() + b"\n")
        bank = digest.hexdigest()
        return {**asdict(self.options), "bank": bank, "scikit-learn": version("scikit-learn")}

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        """Return the nearest report for each request."""
        nearest = self._index.nearest([self._words(request.context) for request in requests])
        return [
            Generation(self._most_frequent, FALLBACK)
            if position is None
            else Generation(self._bank[position].report)
            for position in nearest
        ]

    @cached_property
    def _index(self) -> ContextIndex:
        return ContextIndex([self._words(entry.context) for entry in self._bank])

    @cached_property
    def _most_frequent(self) -> str:
        return Counter(entry.report for entry in self._bank).most_common(1)[0][0]

    def _words(self, context: Mapping[str, str]) -> str:
        wanted = self.options.sections
        names = sorted(context) if wanted is None else [n for n in wanted if n in context]
        return "\n".join(context[name] for name in names)
