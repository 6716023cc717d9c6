"""Whether the training data's loader keeps up with the 7B model.

``python -m benchmarks.speed.training_loader --tokenizer DIR`` writes synthetic radiographs as JPEG
of 2,544 x 3,056 grey pixels, two for each study, and reads them as training does: RAD-DINO's
518 x 518 pixels, pairs, batches of 16. It prints samples per second by worker processes, from the
JPEGs and from the image cache, and how long a training step waits for its batch where steps take
as long as those of libra-v1.0-7b: the published time on an A6000, and what ``train --plan`` gives
for one H100.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader
from transformers import AutoTokenizer

from benchmarks.phantoms import draw, generate_split
from benchmarks.speed.training_records import PhantomRecords, findings_record
from models.images.preprocess import Preprocessor
from models.libra.known_towers import KNOWN_TOWERS
from models.training.recipe_files import find_recipe, read_recipe
from models.training.tuning.dataset import Collator, TuningDataset
from models.training.tuning.image_cache import ImageCache
from models.training.tuning.pictures import Pixels
from models.training.tuning.plan import plan_tuning
from models.training.tuning.recipe import TuningRecipe
from models.training.tuning.sampler import TuningSampler
from models.training.tuning.survey import Encoding, survey

_WIDTH, _HEIGHT = 2544, 3056
_BATCH = 16
_PATCHES = 1369


def main() -> None:
    """Write the data, measure, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with a tokenizer")
    parser.add_argument("--studies", type=int, default=48)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=4, help="simulated steps")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), options)


def _measure(folder: Path, options: argparse.Namespace) -> None:
    data = _Data(_records(folder, options.studies), folder, options.tokenizer)
    kept = {"JPEG": None, "the image cache": ImageCache(folder / "cache", 518, 10**10)}
    for _ in _loader(data.read(kept["the image cache"]), max(options.workers)):
        pass  # fills the cache
    print("| images from | workers | samples/s | CPU s per sample |")
    print("|---|--:|--:|--:|")
    for source, cache in kept.items():
        for workers in options.workers:
            begun, spent = time.perf_counter(), _cpu_s()
            count = sum(len(batch["labels"]) for batch in _loader(data.read(cache), workers))
            rate = count / (time.perf_counter() - begun)
            cpu_s = (_cpu_s() - spent) / count
            print(f"| {source} | {workers} | {rate:.2f} | {cpu_s:.3f} |", flush=True)
    print("\n| stage | device | step, s | samples/s needed | images from | wait per step, s |")
    print("|---|---|--:|--:|---|--:|")
    times = -(-_BATCH * (options.steps + 1) // options.studies)
    for name, needed in _needed().items():
        for source, cache in kept.items():
            many, step_s = data.read(cache, times), _BATCH / needed
            waited = _waited(many, max(options.workers), step_s, options.steps)
            shown = f"{name} | {step_s:.1f} | {needed:.2f} | {source} | {waited:.3f}"
            print(f"| {shown} |", flush=True)


def _records(folder: Path, count: int) -> PhantomRecords:
    """Return records of two images each: enlarged phantoms with the grain of a detector."""
    noise = np.random.default_rng(0)
    records = PhantomRecords()
    for study in generate_split(1, "train", studies=count):
        files = []
        for number in (0, 1):
            small = Image.fromarray(draw(study, 256))
            large = small.resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)
            grain = noise.normal(0, 4, (_HEIGHT, _WIDTH))
            pixels = (np.asarray(large) + grain).clip(0, 255).astype(np.uint8)
            file = folder / f"{study.study_id}_{number}.jpg"
            Image.fromarray(pixels).save(file, quality=95)
            files.append(file)
        records.append(findings_record(study.study_id, files, study.findings))
    return records


class _Data:
    """Records, surveyed."""

    def __init__(self, records: PhantomRecords, folder: Path, tokenizer: Path) -> None:
        self._records = records
        fast = AutoTokenizer.from_pretrained(tokenizer)
        self._encoding = Encoding(fast, "libra_v1", 2048, _PATCHES)
        self._rows = survey(self._records, self._encoding, 0, folder / "survey").rows

    def read(self, cache: ImageCache | None, times: int = 1) -> TuningDataset:
        """Return the data set, each study so many times."""
        settings = KNOWN_TOWERS["microsoft/rad-dino"].preprocessor
        pixels = Pixels(Preprocessor(settings, "pad", "black"), cache=cache)
        return TuningDataset(self._records, np.tile(self._rows, times), self._encoding, pixels)


def _loader(data: TuningDataset, workers: int) -> DataLoader[Any]:
    lengths = np.ones(len(data), np.int32)
    sampler = TuningSampler(lengths, _BATCH, seed=1)
    return DataLoader(
        data, _BATCH, sampler=sampler, num_workers=workers, collate_fn=Collator(0, 2048)
    )


def _cpu_s() -> float:
    """Return the seconds that this process and its workers, those that have ended, computed."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _waited(data: TuningDataset, workers: int, step_s: float, steps: int) -> float:
    """Return the mean seconds that a step waits for its batch; the first one is no step's fault."""
    batches = iter(_loader(data, workers))
    next(batches)
    waited = 0.0
    for _ in range(steps):
        time.sleep(step_s)
        begun = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - begun
    return waited / steps


def _needed() -> dict[str, float]:
    """Return samples per second, by stage and what it runs on."""
    recipe = read_recipe(find_recipe("libra-v1.0-7b"))
    if not isinstance(recipe, TuningRecipe):
        raise TypeError("libra-v1.0-7b tunes no model")
    needed = {}
    for stage, planned in zip(recipe.stages, plan_tuning(recipe).stages, strict=True):
        samples = stage.epochs * (recipe.data_of(stage).expected or 0)
        if stage.published and planned.gpu_hours:
            published = f"{stage.name} | {stage.published.device}, published"
            needed[published] = samples / stage.published.hours / 3600
            needed[f"{stage.name} | H100, planned"] = samples / planned.gpu_hours["H100"] / 3600
    return needed


if __name__ == "__main__":
    main()
