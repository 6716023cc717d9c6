"""The best model of a stage so far, by its loss or a metric, and the patience with the others."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accelerate import PartialState

from models.atomic import replace_file
from models.training.tuning.gathering import save_gathered
from models.training.tuning.report_scores import is_better_higher, score_key
from models.training.tuning.start import Started

BEST_FILE = "best.json"


class Best:
    """Keeps the best model in a folder, in the layout of a finished stage.

    What is best follows from the list of evaluations, which is a part of every state: a run that
    is resumed remembers it.

    Parameters
    ----------
    started
        The stage: ``best_by`` and ``patience``, and the model.
    folder
        Where the model is kept.
    """

    def __init__(self, started: Started, folder: Path) -> None:
        stage, metrics = started.stage, started.stage.validation.metrics
        self.by = score_key(metrics, stage.best_by)
        self._is_higher = is_better_higher(metrics, stage.best_by)
        self._patience = stage.patience
        self._folder, self._started = folder, started

    def of(self, evaluations: Sequence[Mapping[str, Any]]) -> tuple[int, float] | None:
        """Return step and value of the first best evaluation; None if none gave a number."""
        best: tuple[int, float] | None = None
        for row in evaluations:
            value = row[f"eval_{self.by}"]
            if not math.isnan(value) and (best is None or self._is_better(value, best[1])):
                best = row["step"], value
        return best

    def consider(self, evaluations: Sequence[Mapping[str, Any]]) -> None:
        """Save the model if the last evaluation is the best; all processes must call it."""
        best = self.of(evaluations)
        if best is None or best[0] != evaluations[-1]["step"]:
            return
        save_gathered(self._folder, self._started)
        if PartialState().is_main_process:
            said = {"by": self.by, "value": best[1], "step": best[0]}
            replace_file(self._folder / BEST_FILE, f"{json.dumps(said)}\n".encode())

    def is_out_of_patience(self, evaluations: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether as many evaluations as the stage has patience for gave none better."""
        if self._patience is None:
            return False
        best = self.of(evaluations)
        since = [row for row in evaluations if best is None or row["step"] > best[0]]
        return len(since) >= self._patience

    def _is_better(self, value: float, than: float) -> bool:
        return value > than if self._is_higher else value < than
