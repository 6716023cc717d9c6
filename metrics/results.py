"""Scores with their intervals, and the table of systems that everything else reads."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metrics.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
SCHEMA_VERSION = 1
LIBRA_COLUMNS = {
    "BLEU1": "bleu1",
    "BLEU2": "bleu2",
    "BLEU3": "bleu3",
    "BLEU4": "bleu4",
    "METEOR": "meteor",
    "ROUGE-L": "rougeL",
    "Bert_score": "bertscore_f1",
    "Temporal_entity_score": "temporal_f1",
}
"""The columns of Libra's published CSV, and our name of each score."""


@dataclass(frozen=True)
class Score:
    """One number with its interval and everything needed to quote it.

    ``score`` is NaN where undefined; ``low`` and ``high`` are None without (defined) resamples.
    ``n`` counts the samples that the score is over, ``n_units`` the resampled units (patients or
    samples).
    """

    score: float
    low: float | None
    high: float | None
    confidence: float
    resamples: int
    method: str
    unit: str
    n_units: int
    undefined_resamples: int
    seed: int
    signature: str
    higher_is_better: bool
    n: int
    bounds: tuple[float, float] = (0.0, 1.0)

    @property
    def percent(self) -> bool:
        """Whether tables for people show the value times 100."""
        return self.bounds == (0.0, 1.0)


@dataclass(frozen=True)
class SystemScores:
    """All scores of one system; ``missing`` and ``failed`` predictions were scored as empty."""

    n: int
    metrics: dict[str, Score]
    missing: int = 0
    failed: int = 0


@dataclass(frozen=True, repr=False)
class ScoreTable:
    """Scores of systems on one test set; the form of ``scores.json``.

    ``per_sample`` holds, per system and output, one value per sample (NaN where undefined);
    outputs that are not defined per sample are absent. It is empty in a table read from a file.
    """

    benchmark: str
    n: int
    test_set: str
    systems: dict[str, SystemScores]
    partial: bool = False
    ids: Sequence[str] = ()
    per_sample: Mapping[str, Mapping[str, FloatArray]] = field(default_factory=dict)

    @property
    def metric_names(self) -> list[str]:
        """Names of all outputs, in order of first appearance over the systems."""
        names = (name for system in self.systems.values() for name in system.metrics)
        return list(dict.fromkeys(names))

    def to_json(self) -> str:
        """Return the table in the form of ``scores.json``."""
        systems = {name: _system_to_dict(system) for name, system in self.systems.items()}
        head = {
            "schema_version": SCHEMA_VERSION,
            "benchmark": self.benchmark,
            "n": self.n,
            "test_set": self.test_set,
            "partial": self.partial,
        }
        return json.dumps({**head, "systems": systems}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ScoreTable:
        """Read a table from the form of ``scores.json``.

        Raises
        ------
        InputError
            If the text is not such a table, or of a newer schema.
        """
        try:
            data = json.loads(text)
            version = data["schema_version"]
            if version != SCHEMA_VERSION:
                raise InputError(
                    f"This table has schema version {version}; this cxr-harness reads "
                    f"{SCHEMA_VERSION}. Install the version that wrote it."
                )
            systems = {name: _system_from_dict(value) for name, value in data["systems"].items()}
            head = {key: data[key] for key in ("benchmark", "n", "test_set", "partial")}
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise InputError(f"Not a score table: {type(error).__name__} at {error}.") from error
        return cls(systems=systems, **head)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per system: ``metric``, ``metric_low`` and ``metric_high`` columns."""
        import pandas as pd

        rows = {
            name: {
                column: value
                for metric, score in system.metrics.items()
                for column, value in (
                    (metric, score.score),
                    (f"{metric}_low", score.low),
                    (f"{metric}_high", score.high),
                )
            }
            for name, system in self.systems.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")

    def __repr__(self) -> str:
        return f"{self.n} samples\n{self.to_frame().T.to_string()}"

    def _repr_html_(self) -> str:
        return str(self.to_frame()._repr_html_())  # type: ignore[operator]


def _system_to_dict(system: SystemScores) -> dict[str, Any]:
    metrics = {name: _score_to_dict(score) for name, score in system.metrics.items()}
    return {
        "n": system.n,
        "missing": system.missing,
        "failed": system.failed,
        "metrics": metrics,
    }


def _score_to_dict(score: Score) -> dict[str, Any]:
    values = asdict(score)
    values["bounds"] = list(score.bounds)
    return {key: _null(value) for key, value in values.items()}


def _null(value: Any) -> Any:
    if isinstance(value, list):
        return [_null(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _system_from_dict(data: dict[str, Any]) -> SystemScores:
    metrics = {name: _score_from_dict(value) for name, value in data["metrics"].items()}
    return SystemScores(data["n"], metrics, data["missing"], data["failed"])


def _score_from_dict(data: dict[str, Any]) -> Score:
    for name in ("score", "low", "high"):
        if not isinstance(data[name], int | float | None):
            raise TypeError(f"a {name} that is no number")
    low_bound, high_bound = data.get("bounds", (0.0, 1.0))
    bounds = (
        -math.inf if low_bound is None else low_bound,
        math.inf if high_bound is None else high_bound,
    )
    score = math.nan if data["score"] is None else data["score"]
    return Score(**{**data, "score": score, "bounds": bounds})
