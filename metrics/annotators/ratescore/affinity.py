"""How much a pair of entity types counts: RaTEScore's affinity matrices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from metrics.annotators.ratescore.entities import TYPES
from metrics.errors import InputError, MissingError

MATRICES = ("long", "short")
_PUBLISHED = "ratescore_affinity.json"
_OPPOSED = {"DISEASE", "ABNORMALITY"}


@dataclass(frozen=True)
class Affinity:
    """Weights of pairs of types: that of the entity asked about, that of its nearest one."""

    weights: Mapping[tuple[str, str], float]
    negation: float

    def weight(self, kind: str, nearest: str) -> float:
        """Return what the pair counts."""
        return self.weights[kind, nearest]

    def factor(self, kind: str, nearest: str) -> float:
        """Return the penalty if one of the two is present and the other one absent, else 1."""
        absent = [one.startswith("NON-") for one in (kind, nearest)]
        plain = {kind.removeprefix("NON-"), nearest.removeprefix("NON-")}
        return self.negation if absent[0] != absent[1] and plain <= _OPPOSED else 1.0


def read_affinity(matrix: str | Path) -> Affinity:
    """Return a published matrix, ``long`` or ``short``, or that of a JSON file in their form.

    The form is one object: ``"disease_non-disease": 0.38`` and so on for all 25 pairs of types,
    and ``"neg_weight"``.

    Raises
    ------
    InputError
        If the file holds something else.
    MissingError
        If there is no such file.
    """
    if matrix in MATRICES:
        return _published()[str(matrix)]
    path = Path(matrix)
    if not path.is_file():
        raise MissingError(
            f"There is no affinity matrix {path}. "
            f"Name one of {', '.join(MATRICES)}, or a JSON file."
        )
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no JSON file: {error}.") from error
    return _affinity(found, str(path))


@cache
def _published() -> dict[str, Affinity]:
    found = json.loads((files("metrics") / "resources" / _PUBLISHED).read_text("utf-8"))
    return {name: _affinity(found[name], name) for name in MATRICES}


def _affinity(found: Any, where: str) -> Affinity:
    pairs = {f"{one}_{other}".lower(): (one, other) for one in TYPES for other in TYPES}
    numbers = found if isinstance(found, dict) else {}
    wrong = [
        name
        for name in (*pairs, "neg_weight")
        if isinstance(value := numbers.get(name), bool) or not isinstance(value, int | float)
    ]
    if wrong:
        raise InputError(
            f"The affinity matrix {where} has no number for {', '.join(wrong[:5])}"
            f"{' and others' if len(wrong) > 5 else ''}. It needs all 25 pairs of types and "
            "neg_weight."
        )
    weights = {pair: float(numbers[name]) for name, pair in pairs.items()}
    return Affinity(weights, float(numbers["neg_weight"]))
