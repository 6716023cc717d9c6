"""Invented studies: one-line reports, marks and grey pictures, all from a seed."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from metrics.metric import Span
from reports.report_data import (
    StudyView,
)

METRICS: dict[str, dict[str, Any]] = {
    "bleu1": {},
    "bleu4": {},
    "rougeL": {},
    "cider": {"bounds": (0.0, 10.0)},
    "temporal_f1": {},
    "temporal_f1_present": {"n": 0.3},
    "prior_hallucination": {"higher_is_better": False, "n": 0.4},
    "prior_hallucination_no_comparison_in_context": {"higher_is_better": False, "n": 0.2},
}
_FINDINGS = ("effusion", "opacity", "pneumothorax", "consolidation")
_WORDS = ("unchanged", "increased", "improved", "new")


def studies_of(
    draw: np.random.Generator, n: int, systems: Sequence[str], length: int, images: bool
) -> list[StudyView]:
    # a large set repeats a hundred studies under new ids, to be made quickly
    made = [_study(draw, i, systems, length, images) for i in range(min(n, 100))]
    return [replace(made[i % 100], sample_id=f"s{50000 + i}") for i in range(n)]


def _study(
    draw: np.random.Generator, i: int, systems: Sequence[str], length: int, images: bool
) -> StudyView:
    has_prior = "yes" if i % 3 else "no"
    reference = " ".join(_sentence(draw) for _ in range(length))
    predictions = {name: " ".join(_sentence(draw) for _ in range(length)) for name in systems}
    return StudyView(
        sample_id=f"s{50000 + i}",
        tags={"has_prior": has_prior, "view": "PA" if i % 2 else "AP"},
        context={
            "indication": "Cough and fever.",
            "comparison": "None." if has_prior == "no" else "Earlier film.",
        },
        references=[reference],
        images=[("current", png(i)), *([("prior", png(i + 90))] if has_prior == "yes" else [])]
        if images
        else [],
        predictions=predictions,
        spans={name: spans(text, reference) for name, text in predictions.items()},
        scores={name: {m: float(draw.random()) for m in METRICS} for name in systems},
    )


def _sentence(draw: np.random.Generator) -> str:
    finding, word = draw.choice(_FINDINGS), draw.choice(_WORDS)
    return f"The {draw.choice(['left', 'right'])} {finding} is {word}."


def spans(prediction: str, reference: str) -> list[tuple[str, Span]]:
    """Return marks of temporal words, and of all words that both texts hold."""
    found: list[tuple[str, Span]] = []
    for side, text, other, alone in (
        ("prediction", prediction, reference, "invented"),
        ("reference", reference, prediction, "missed"),
    ):
        start = 0
        for word in text.split():
            start = text.index(word, start)
            end = start + len(word.rstrip("."))
            plain = word.rstrip(".")
            is_shared = plain in other
            kind: Any = "matched" if is_shared else alone
            if plain in _WORDS:
                found.append(("temporal_f1", Span(side, start, end, kind, plain)))  # type: ignore[arg-type]
            if is_shared:
                found.append(("bleu", Span(side, start, end, "matched", "")))  # type: ignore[arg-type]
            start = end
    return found


def png(seed: int, size: int = 48) -> str:
    """Return a small grey picture as a data URI."""
    rows = np.add.outer(np.arange(size), np.arange(size)) * 2 + seed % 60
    raw = b"".join(b"\0" + bytes(int(v) % 256 for v in row) for row in rows)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    ]
    chunks = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()
