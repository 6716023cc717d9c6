"""Score a finished checkpoint on studies that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metrics import score
from models.libra.encoding import ImagePair
from models.libra.prompts import FINDINGS_QUESTION
from models.training.phantom.lessons import Lessons

if TYPE_CHECKING:
    from metrics import ScoreTable
    from models.libra.reporter import LibraReporter

METRICS = ("bleu4", "rougeL", "temporal_direction_f1")
_AT_ONCE = 50
_MOST_TOKENS = 128
_FURTHER = 7


def validate(folder: Path, lessons: Lessons, advance: Callable[[int], None]) -> dict[str, float]:
    """Return scores of greedy reports with real priors, and the temporal one with other priors.

    ``dummy``: the current image stands in for the prior. ``shuffled``: the prior of another
    study, the same distance down the list for all (of a single prior: that prior).
    """
    from models.loading import load

    model = load(folder, device="cpu", dtype="float32", batch_size=_AT_ONCE)
    pixels = np.stack([model.preprocess(grey) for grey in lessons.images])
    priors = {
        "real": lessons.prior,
        "dummy": np.full_like(lessons.prior, -1),
        "shuffled": _shuffled(lessons.prior),
    }
    texts = {
        name: _reports(model, pixels, lessons.current, places, advance if name == "real" else None)
        for name, places in priors.items()
    }
    table = score(texts, list(lessons.reports), metrics=METRICS, resamples=0)
    found = {name: _score(table, "real", name) for name in METRICS}
    for prior in ("dummy", "shuffled"):
        found[f"{METRICS[-1]}@{prior}"] = _score(table, prior, METRICS[-1])
    return found


def _score(table: ScoreTable, system: str, metric: str) -> float:
    return round(table.systems[system].metrics[metric].score, 4)


def _reports(
    model: LibraReporter,
    pixels: NDArray[np.float32],
    current: NDArray[np.int64],
    prior: NDArray[np.int64],
    advance: Callable[[int], None] | None,
) -> list[str]:
    from models.engines.engine import Decoding
    from models.libra.reporter import Question

    decoding = Decoding(max_new_tokens=_MOST_TOKENS)
    texts: list[str] = []
    for start in range(0, len(current), _AT_ONCE):
        pairs = zip(current[start : start + _AT_ONCE], prior[start : start + _AT_ONCE], strict=True)
        questions = [
            Question(
                ImagePair(pixels[now], pixels[before] if before >= 0 else None),
                [("user", FINDINGS_QUESTION)],
            )
            for now, before in pairs
        ]
        texts += [found[0].text for found in model.reports(questions, decoding)]
        if advance:
            advance(len(questions))
    return texts


def _shuffled(prior: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each study with a prior that of one a few patients further on, never its own."""
    taking = np.flatnonzero(prior >= 0)
    shuffled = prior.copy()
    shuffled[taking] = np.roll(prior[taking], min(_FURTHER, max(len(taking) - 1, 0)))
    return shuffled
