"""Small invented studies, systems and ways to run the command line on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
METRICS = "bleu,rougeL,temporal,prior_hallucination"
STUDIES, PATIENTS = 40, 15
_SIDES = ("left", "right", "bilateral")
_FINDINGS = ("pleural effusion", "basilar opacity", "pneumothorax", "atelectasis")
_CHANGES = ("unchanged", "has increased", "is new", "has improved", "is seen", "is small")


def report(generator: np.random.Generator) -> str:
    """Return an invented report of two or three sentences."""
    sentences = [
        f"The {_drawn(generator, _SIDES)} {_drawn(generator, _FINDINGS)} "
        f"{_drawn(generator, _CHANGES)}."
        for _ in range(generator.integers(1, 3))
    ]
    return " ".join([*sentences, "The heart is normal in size."])


def studies(n: int = STUDIES, patients: int = PATIENTS, seed: int = 0) -> list[dict[str, Any]]:
    """Return invented studies in our form, several of each patient."""
    generator = np.random.default_rng(seed)
    return [
        {
            "study_id": f"s{i:03}",
            "subject_id": f"p{i % patients:02}",
            "images": [f"{i}.png"],
            "prior_images": [f"{i}-prior.png"] if i % 3 else [],
            "context": {"indication": "cough", "comparison": "none" if i % 2 else "earlier film"},
            "reference": {
                "findings": report(generator),
                "impression": f"Impression {report(generator)}",
            },
            "tags": {"view": "PA" if i % 2 else "AP"},
            **({"prior_report": report(generator)} if i % 3 else {}),
        }
        for i in range(n)
    ]


def predictions(given: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Return a system's predictions: some equal the reference, others are drawn."""
    generator = np.random.default_rng(seed)
    return [
        {
            "study_id": study["study_id"],
            "prediction": study["reference"]["findings"]
            if generator.random() < 0.4
            else report(generator),
        }
        for study in given
    ]


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """Write JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Workplace:
    """A folder with ``refs.jsonl`` and the systems ``a``, ``b`` and ``c``."""

    folder: Path

    @property
    def refs(self) -> Path:
        return self.folder / "refs.jsonl"

    @property
    def output(self) -> Path:
        return self.folder / "out"

    def system(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"

    def score(self, *options: object, systems: Sequence[str] = ("a", "b")) -> list[str]:
        """Return the words of a quick ``score``; later options win."""
        words = ["score", "--references", self.refs, "--output", self.output]
        for name in systems:
            words += ["--predictions", self.system(name)]
        words += [] if "--metrics" in options else ["--metrics", METRICS]
        words += ["--resamples", 50, *options]
        return [str(word) for word in words]


def make_workplace(folder: Path) -> Workplace:
    """Write the studies and three systems into a folder."""
    given = studies()
    place = Workplace(folder)
    write_lines(place.refs, given)
    for seed, name in enumerate("abc", 1):
        write_lines(place.system(name), predictions(given, seed))
    return place


def command(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("environment", {})}
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, words)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        **options,
    )


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by its path, locks apart."""
    if not folder.is_dir():
        return {}
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def comparable(folder: Path) -> dict[str, bytes]:
    """Return a run folder's files, with run.json without what may differ between equal runs.

    The command is as typed, so it names the folder.
    """
    files = content(folder)
    record = json.loads(files["run.json"])
    for section in ("timing", "machine", "performance", "command"):
        record.pop(section, None)
    files["run.json"] = json.dumps(record, sort_keys=True).encode()
    return files


def _drawn(generator: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(generator.integers(len(words)))]
