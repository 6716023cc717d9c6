"""Records in a list, and small images for them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from models.training.tuning.records import NothingToTeachError, TrainingRecord
from models.training.tuning.survey import Encoding
from tests.models.training.goldens import tokenizer

CONFIG = {"image_processor_type": "SiglipImageProcessor", "size": {"height": 14, "width": 14}}


@dataclass(frozen=True)
class ListedRecords:
    """Records that lie in memory; where there is a text, it is why there is no record."""

    content: tuple[TrainingRecord | str, ...]

    def __len__(self) -> int:
        return len(self.content)

    def __getitem__(self, index: int) -> TrainingRecord:
        found = self.content[index]
        if isinstance(found, str):
            raise NothingToTeachError(f"r{index}", found)
        return found

    def digest(self) -> str:
        return hashlib.sha256(repr(self.content).encode()).hexdigest()


def record(name: str, *images: Path, answer: str = "None.", words: int = 2) -> TrainingRecord:
    question = ("<image>\n" if images else "") + "Any change? " * words
    turns = ({"from": "human", "value": question}, {"from": "gpt", "value": answer})
    return TrainingRecord(name, turns, images, answer)


def encoding(model_max_length: int = 256, patches: int = 9) -> Encoding:
    return Encoding(tokenizer("llama_legacy"), "libra_v1", model_max_length, patches)


def saved(path: Path, seed: int, grey: bool = True) -> Path:
    draw = np.random.default_rng(seed)
    shape = (20, 26) if grey else (20, 26, 3)
    Image.fromarray(draw.integers(0, 256, shape, np.uint8)).save(path)
    return path
