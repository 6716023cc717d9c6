"""The clinical annotators as functions of texts, and how far one's answers are from another's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.clinical import LAYER
from metrics.annotators import CheXbertAnnotator, RadGraphAnnotator, RaTEScoreAnnotator
from metrics.annotators.bertscore import BertScoreAnnotator
from metrics.precision import FLOAT32

Run = Callable[[list[str]], list[Any]]
Entity = tuple[int, int, str]


def load_run(name: str, folder: Path, device: str = "cpu", precision: str = FLOAT32) -> Run:
    """Return an annotator of a weights folder: radgraph, chexbert, bertscore or ratescore."""
    return _LOADERS[name](folder, device, precision)


def deviation(name: str, expected: list[Any], found: list[Any]) -> str:
    """Return in words how far an annotator's answers are from the expected ones."""
    return _DEVIATIONS[name](expected, found)


def _radgraph(folder: Path, device: str, precision: str) -> Run:
    return RadGraphAnnotator.load(
        folder / "radgraph.tar.gz", folder / "pubmedbert", device, precision=precision
    ).annotate


def _chexbert(folder: Path, device: str, precision: str) -> Run:
    annotator = CheXbertAnnotator.load(
        folder / "chexbert.pth", folder / "bert-base", device, precision
    )

    def run(texts: list[str]) -> list[Any]:
        found = annotator.annotate(texts)
        return list(zip(found.labels.tolist(), found.vectors, strict=True))

    return run


def _bertscore(folder: Path, device: str, precision: str) -> Run:
    """Score each text against itself with its words in reverse: two encoded texts per score."""
    own = folder / "distilroberta-base"
    model, layer = (own, 5) if own.exists() else (folder / "bert-base", LAYER)
    annotator = BertScoreAnnotator.load(model, layer, device=device, precision=precision)
    return lambda texts: list(annotator.scores(texts, _reversed(texts)))


def _ratescore(folder: Path, device: str, precision: str) -> Run:
    """Score each text against itself with its words in reverse: two annotated texts per score."""
    annotator = RaTEScoreAnnotator.load(folder / "rate-ner", folder / "biolord", device, precision)
    return lambda texts: list(annotator.scores(texts, _reversed(texts)))


def _reversed(texts: list[str]) -> list[str]:
    return [" ".join(text.split()[::-1]) for text in texts]


_LOADERS: dict[str, Callable[[Path, str, str], Run]] = {
    "radgraph": _radgraph,
    "chexbert": _chexbert,
    "bertscore": _bertscore,
    "ratescore": _ratescore,
}


def _of_annotations(expected: list[Any], found: list[Any]) -> str:
    reports = sum(a != b for a, b in zip(expected, found, strict=True))
    pairs = [(_entities(a), _entities(b)) for a, b in zip(expected, found, strict=True)]
    moved = sum(len(one ^ two) for one, two in pairs)
    total = sum(len(one) for one, _ in pairs)
    return f"{reports} of {len(found)} annotations, {moved} entities of {total}"


def _entities(annotation: Any) -> set[Entity]:
    return {(e["start_ix"], e["end_ix"], e["label"]) for e in annotation["entities"].values()}


def _of_labels(expected: list[Any], found: list[Any]) -> str:
    pairs = list(zip(expected, found, strict=True))
    labels = sum(a != b for (one, _), (two, _) in pairs for a, b in zip(one, two, strict=True))
    worst = max(abs(one - two).max() for (_, one), (_, two) in pairs)
    return f"{labels} of {14 * len(found)} labels, vectors {worst:.0e}"


def _of_f1(expected: list[Any], found: list[Any]) -> str:
    return _of_scores([one[2] for one in expected], [one[2] for one in found], "F1 ")


def _of_scores(expected: list[Any], found: list[Any], what: str = "scores ") -> str:
    differences = np.abs(np.array(expected) - np.array(found))
    return f"{what}{differences.max():.0e} at most, {differences.mean():.0e} on average"


_DEVIATIONS: dict[str, Callable[[list[Any], list[Any]], str]] = {
    "radgraph": _of_annotations,
    "chexbert": _of_labels,
    "bertscore": _of_f1,
    "ratescore": _of_scores,
}
