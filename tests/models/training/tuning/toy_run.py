"""A recipe of two stages over a bundled toy, with records that are drawn; also a program to kill.

``python -m tests.models.training.tuning.toy_run FOLDER`` trains in FOLDER, or goes on there, and
prints a line after every update. With a number it trains without dropout, so many records at once,
maybe sharded: what several processes come to can then be compared with what one does.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from models.training.tuning.recipe import (
    Lora,
    Sharding,
    Start,
    TuningData,
    TuningRecipe,
    TuningStage,
    Validation,
)
from models.training.tuning.records import Records, TrainingRecord
from models.training.tuning.run import RecordsOf, StageOutcome, tune

RECORDS, VALID = 22, 5
EVEN = 24
"""Records of which every process gets as many."""
_PIXELS = 64
_QUESTION = "<image>\nProvide a detailed description of the findings in the radiology image."
_SENTENCES = ("No effusion.", "Lungs are clear.", "Heart size is stable.", "New left opacity.")


class DrawnRecords(list[TrainingRecord]):
    """Records in a list."""

    def digest(self) -> str:
        return hashlib.sha256(repr(list(self)).encode()).hexdigest()


def draw_records(folder: Path, count: int, seed: int) -> DrawnRecords:
    """Return records of one or two images of noise and some sentences."""
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    records = DrawnRecords()
    for number in range(count):
        images = []
        for which in range(1 + number % 2):
            file = folder / f"{seed}-{number}-{which}.png"
            Image.fromarray(draw.integers(0, 256, (_PIXELS, _PIXELS), np.uint8)).save(file)
            images.append(file)
        chosen = draw.integers(0, len(_SENTENCES), draw.integers(1, 5))
        answer = " ".join(_SENTENCES[place] for place in chosen)
        asked = ({"from": "human", "value": _QUESTION}, {"from": "gpt", "value": answer})
        records.append(TrainingRecord(f"study{number}", asked, tuple(images), answer))
    return records


def data_in(folder: Path, records: int = RECORDS) -> RecordsOf:
    """Return what opens the records of every stage, drawn into a folder."""
    train, valid = draw_records(folder, records, 1), draw_records(folder, VALID, 2)

    def records_of(stage: TuningStage) -> tuple[Records, Records | None]:
        return train, valid

    return records_of


def stage(name: str, *trains: Any, **settings: Any) -> TuningStage:
    """Return a stage of 6 updates in two epochs, with a state after every second."""
    usual: dict[str, Any] = {
        "batch_size": 4,
        "accumulation": 2,
        "epochs": 2,
        "learning_rate": 1e-3,
        "precision": "fp32",
        "gradient_checkpointing": False,
        "workers": 0,
        "evaluate_every": 3,
        "save_every": 2,
        "validation": Validation(metrics=("rougeL",), generated=3, max_new_tokens=8),
    }
    return TuningStage(name, trains, **{**usual, **settings})


def recipe(
    *stages: TuningStage, start: str = "libra-phantom", dropout: float = 0.05
) -> TuningRecipe:
    """Return a recipe of some stages; without, of the two published ones."""
    published = (stage("alignment", "projector"), stage("findings", "lora", best_by="rougeL"))
    return TuningRecipe(
        "toy",
        ("https://example.org/recipe",),
        3,
        Start(checkpoint=start),
        "libra_v1",
        stages or published,
        TuningData(train=("train.jsonl",), valid=("valid.jsonl",)),
        Lora(rank=4, alpha=8, dropout=dropout),
    )


def counted(told: Callable[[str, int], None]) -> Callable[[str, int], Any]:
    """Return a progress that calls ``told`` with a stage's name and its updates so far."""

    @contextmanager
    def progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if count:
                told(name, done)

        yield advance

    return progress


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    """Return all tensors in the files of a finished stage."""
    from models.weights_files import read_weights

    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix in (".bin", ".safetensors"):
            found |= {f"{file.name}/{name}": one for name, one in read_weights(file).items()}
    return found


def main(
    folder: Path, batch_size: int | None = None, sharding: Sharding = "none"
) -> tuple[StageOutcome, ...]:
    """Train the toy, or go on."""
    torch.set_num_threads(1)
    is_whole = batch_size is None
    return tune(
        recipe() if batch_size is None else without_dropout(batch_size, sharding),
        data_in(folder / "data", RECORDS if is_whole else EVEN),
        folder / "out",
        resume=True,
        progress=counted(lambda name, done: print(name, done, flush=True)),
    )


def without_dropout(batch_size: int, sharding: Sharding = "none") -> TuningRecipe:
    """Return a recipe over the toy whose projector has no dropout, and none in its adapter."""
    settings = {"batch_size": batch_size, "sharding": sharding, "save_every": 5}
    one = stage("findings", "projector", "lora", **settings)
    return recipe(one, start="mlp-phantom", dropout=0.0)


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    main(Path(folder), *(int(rest[0]), *rest[1:]) if rest else ())  # type: ignore[arg-type]
