"""Stage-2 training at a small but real shape, against the same model trained naively.

``OMP_NUM_THREADS=1 python -m benchmarks.speed.training [--updates N]``: LoRA of rank 128 on a
LLaMA of eight layers of width 512 behind a connector and a frozen Dinov2 of twelve layers of
width 384 over two 518 x 518 images, weights random, texts those of phantoms.

naive
    Records in random order, every text padded to the longest length allowed, all logits computed,
    images encoded by the frozen tower at every step: what a plain loop over transformers does.
naive, padded to the batch
    The same, but padded to the batch's longest text only.
ours, same batches
    The batches of naive through the learner: the loss of each step must be equal.
ours
    Batches of like length, as a recipe has them; without and with the cache of the tower's
    features, which is filled before.

CPU seconds of updates taken in turn, medians. Dropout is off, for losses to be compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.phantoms import draw, generate_split
from benchmarks.speed.real_size import write_checkpoint
from benchmarks.speed.training_records import PhantomRecords, findings_record
from models.hub import BUNDLED
from models.libra.known_towers import KNOWN_TOWERS
from models.training.collation import EncodedRecord
from models.training.masking import IGNORE_INDEX
from models.training.optimiser_groups import parameter_groups
from models.training.tuning.dataset import Collator, TuningDataset
from models.training.tuning.features import Features
from models.training.tuning.learner import Learner
from models.training.tuning.pictures import Pixels
from models.training.tuning.recipe import Lora, Start, TuningData, TuningRecipe, TuningStage
from models.training.tuning.sampler import TuningSampler
from models.training.tuning.start import Started, load_learner
from models.training.tuning.survey import Encoding, survey

LANGUAGE = {
    "hidden_size": 512,
    "intermediate_size": 1376,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "vocab_size": 32_000,
    "tie_word_embeddings": False,
}
TOWER_WIDTH, TOWER_HEADS = 384, 6
BATCH = 2
LONGEST = 2048
RATE = 2e-4
_SIDE = 1024

Step = Callable[[Learner, Sequence[EncodedRecord]], Tensor]


def main() -> None:
    """Train in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=6)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        _compare(Path(folder), options.updates)


@dataclass
class _Way:
    """One way to train: its model, the order of its records, and how it takes a step."""

    name: str
    started: Started
    dataset: TuningDataset
    order: list[int]
    step: Step

    def __post_init__(self) -> None:
        groups = parameter_groups(self.started.learner.named_parameters(), 0.0, RATE)
        self.optimiser = torch.optim.AdamW(groups)
        self.losses: list[float] = []
        self.seconds: list[float] = []

    def update(self) -> None:
        """Take one step and remember its loss and CPU seconds, reading the records included."""
        first = len(self.losses) * BATCH
        begun = time.process_time()
        records = [self.dataset[index] for index in self.order[first : first + BATCH]]
        loss = self.step(self.started.learner, records)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.seconds.append(time.process_time() - begun)
        self.losses.append(loss.item())


def _compare(folder: Path, updates: int) -> None:
    recipe = _recipe(folder)
    starts = [load_learner(recipe, recipe.stages[0], None, "cpu") for _ in range(5)]
    for started in starts:
        started.learner.mm_projector.eval()
    records = _records(folder, updates * BATCH)
    tokenizer = starts[0].tokenizer.tokenizer
    encoding = Encoding(tokenizer, recipe.template, LONGEST, (518 // 14) ** 2)
    found = survey(records, encoding, 0, folder / "survey")
    pixels = Pixels(starts[0].preprocessor)
    features = Features(pixels, {"tower": "random"}, folder / "features", "float32")
    tower = starts[0].learner.vision_tower
    features.fill(records, found.rows, tower, batch_size=1)
    read = TuningDataset(records, found.rows, encoding, pixels)
    kept = TuningDataset(records, found.rows, encoding, features)
    lengths = found.lengths[found.rows]
    plain, grouped = (
        TuningSampler(lengths, BATCH, seed=0, grouped=grouped).order(0) for grouped in (False, True)
    )
    pad, pad_features = (Collator(tokenizer.pad_token_id, LONGEST, on) for on in (False, True))
    ways = [
        _Way("naive", starts[0], read, plain, _naive(pad, LONGEST)),
        _Way("naive, padded to the batch", starts[1], read, plain, _naive(pad, None)),
        _Way("ours, same batches", starts[2], read, plain, _ours(pad)),
        _Way("ours", starts[3], read, grouped, _ours(pad)),
        _Way("ours, features cached", starts[4], kept, grouped, _ours(pad_features)),
    ]
    for _ in range(updates):
        for way in ways:
            way.update()
    _print(ways)


def _ours(collator: Collator) -> Step:
    def step(learner: Learner, records: Sequence[EncodedRecord]) -> Tensor:
        loss: Tensor = learner(**collator(records))["loss"]
        return loss

    return step


def _naive(collator: Collator, length: int | None) -> Step:
    def step(learner: Learner, records: Sequence[EncodedRecord]) -> Tensor:
        batch = collator(records)
        images = learner.pictures(range(len(records)), batch["images"], None)
        size = (length or batch["input_ids"].shape[1]) - 1 + images.shape[1]
        model: Any = learner.language_model
        table = model.get_input_embeddings()
        rows, labels, mask = [], [], torch.zeros(len(records), size, dtype=torch.long)
        for number, record in enumerate(records):
            ids = torch.tensor(record.input_ids)
            place = int((ids < 0).nonzero())
            row = torch.cat([table(ids[:place]), images[number], table(ids[place + 1 :])])
            own = torch.full((size,), IGNORE_INDEX)
            own[place + images.shape[1] : len(row)] = torch.tensor(record.labels[place + 1 :])
            mask[number, : len(row)] = 1
            rows.append(torch.cat([row, row.new_zeros(size - len(row), row.shape[1])]))
            labels.append(own)
        found = model(
            inputs_embeds=torch.stack(rows), attention_mask=mask, labels=torch.stack(labels)
        )
        loss: Tensor = found.loss
        return loss

    return step


def _print(ways: Sequence[_Way]) -> None:
    naive = statistics.median(ways[0].seconds)
    difference = max(abs(a - b) for a, b in zip(ways[0].losses, ways[2].losses, strict=True))
    print("| | CPU s per update | samples per CPU s | ratio | mean loss |")
    print("|---|--:|--:|--:|--:|")
    for way in ways:
        median = statistics.median(way.seconds)
        print(
            f"| {way.name} | {median:.1f} | {BATCH / median:.3f} | {naive / median:.1f} | "
            f"{statistics.mean(way.losses):.3f} |"
        )
    print(f"\nGreatest difference of a loss, same batches: {difference:.1e}")


def _recipe(folder: Path) -> TuningRecipe:
    known = KNOWN_TOWERS["microsoft/rad-dino"]
    shape = {"hidden_size": TOWER_WIDTH, "num_attention_heads": TOWER_HEADS}
    tower = replace(known, config={**known.config, **shape})
    write_checkpoint(folder, LANGUAGE, BUNDLED / "libra-phantom", tower)
    stage = TuningStage(
        "findings",
        ("lora",),
        batch_size=BATCH,
        precision="fp32",
        gradient_checkpointing=False,
        model_max_length=LONGEST,
    )
    return TuningRecipe(
        "speed",
        (),
        0,
        Start(checkpoint=str(folder / "model")),
        "libra_v1",
        (stage,),
        TuningData(("phantoms",)),
        Lora(dropout=0.0),
    )


def _records(folder: Path, count: int) -> PhantomRecords:
    """Return records of phantoms with priors, their images enlarged to a radiograph's size."""
    studies = [(s, s.prior) for s in generate_split(1, "train", studies=8 * count) if s.prior]
    found = PhantomRecords()
    for number, (study, prior) in enumerate(studies[:count]):
        files = []
        for name, shown in (("now", study), ("before", prior)):
            file = folder / f"{number}-{name}.jpg"
            Image.fromarray(np.asarray(draw(shown))).resize((_SIDE, _SIDE)).save(file)
            files.append(file)
        found.append(findings_record(str(number), files, study.findings))
    return found


if __name__ == "__main__":
    main()
