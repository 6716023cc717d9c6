"""Distinct report-like texts, made by recombining the sentences of real or phantom reports."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

PAIRS = 2_461
"""Studies of the MIMIC-CXR findings test set that Libra reports on."""


def sentences_of(reports: Path | None) -> list[str]:
    """Return the distinct sentences of a flat reports JSONL, or of phantom reports."""
    if reports is None:
        from benchmarks.phantoms import generate_patients

        texts = [study.findings for p in generate_patients(11, 400) for study in p.studies]
    else:
        lines = reports.read_text(encoding="utf-8").splitlines()
        texts = [json.loads(line)["findings"] for line in lines]
    found = (s.strip() for text in texts for s in re.split(r"(?<=[.])\s+", text))
    return sorted({sentence for sentence in found if len(sentence.split()) > 2})


def distinct_pairs(
    sentences: list[str], seed: int, pairs: int = PAIRS, systems: int = 1
) -> tuple[list[list[str]], list[str]]:
    """Return ``systems`` lists of predictions, and the references; no text occurs twice."""
    draw = random.Random(seed)  # noqa: S311
    seen: set[str] = set()
    vocabulary = sorted({word for sentence in sentences for word in sentence.split()})

    def fresh(chosen: list[str]) -> str:
        while True:
            words = " ".join(chosen).split()
            for _ in range(max(1, len(words) // 12)):
                words[draw.randrange(len(words))] = draw.choice(vocabulary)
            text = " ".join(words)
            if text not in seen:
                seen.add(text)
                return text

    references: list[str] = []
    predictions: list[list[str]] = [[] for _ in range(systems)]
    for _ in range(pairs):
        chosen = draw.sample(sentences, draw.randint(4, 9))
        references.append(fresh(chosen))
        for system in predictions:
            kept = [s for s in chosen if draw.random() < 0.6] or chosen[:1]
            added = draw.sample(sentences, draw.randint(1, 4))
            system.append(fresh(draw.sample(kept + added, len(kept + added))))
    return predictions, references
