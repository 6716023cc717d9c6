"""Small language models, towers and recipes to tune from, and reporters of what was tuned."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.engines.choice import Engines
from models.engines.transformers_engine import TransformersEngine
from models.libra.assembly import stop_ids
from models.libra.encoding import ImageEncoder
from models.libra.language_model import quiet_transformers
from models.libra.reporter import LibraReporter, Report
from models.options import read_options
from models.training.tuning.learner import Learner
from models.training.tuning.recipe import TuningRecipe
from models.training.tuning.start import Started, load_learner
from tests.models.libra.golden_models import GOLDEN, image
from tests.models.random_models import language_model

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "libra": ("Llama", {}),
    "libra_mistral": ("Mistral", {"sliding_window": 9}),
    "libra_phi3": ("Phi3", {"sliding_window": 30}),
    "libra_gemma": ("Gemma", {"head_dim": 8, "num_key_value_heads": 1}),
    "libra_qwen2": ("Qwen2", {"tie_word_embeddings": True}),
    "libra_qwen3": ("Qwen3", {"head_dim": 16}),
}
TOWERS = {
    "TAC": GOLDEN / "full" / "tiny-rad-dino",
    "mlp2x_gelu": GOLDEN / "medcxrgen" / "tiny-clip-vit-56",
}
_TOKENIZER = GOLDEN / "llavamed_mistral" / "libra-llava-med-v1.5-mistral-tiny"


def plain_model(parent: Path, family: str, **settings: Any) -> Path:
    """Save a plain language model of a family, with a tokenizer."""
    name, own = FAMILIES[family]
    folder = parent / f"plain-{family}"
    heads = {"num_attention_heads": 4, "hidden_size": 48}
    with quiet_transformers():
        language_model(name, **{**heads, **own, **settings}).save_pretrained(folder)
    for file in _TOKENIZER.glob("*token*"):
        shutil.copy(file, folder)
    return folder


def recipe(start: dict[str, Any], *stages: dict[str, Any], **keys: Any) -> TuningRecipe:
    """Return a recipe in float32 whose data are named but not there."""
    usual = {
        "precision": "fp32",
        "gradient_checkpointing": False,
        "data": {"train": ["train.jsonl"], "padding": "mean"},
    }
    content = {
        "name": "tiny",
        "source": [],
        "seed": 3,
        "start": start,
        "template": "libra_v1",
        "lora": {"rank": 4, "alpha": 8, "dropout": 0.0},
        "stages": [{**usual, "name": f"stage{n}", **stage} for n, stage in enumerate(stages)],
        **keys,
    }
    return read_options(TuningRecipe, content, "a test")


def new_projector(parent: Path, family: str, projector: str = "TAC", **settings: Any) -> Any:
    """Return the start of a recipe that puts a new projector between a model and a tower."""
    return {
        "language_model": str(plain_model(parent, family, **settings)),
        "vision_tower": str(TOWERS[projector]),
        "projector": projector,
        "select_layer": "all" if projector == "TAC" else -2,
    }


def started(read: TuningRecipe, source: Path | None = None, stage: int = 0) -> Started:
    return load_learner(read, read.stages[stage], source, "cpu")


def batch(learner: Learner, seed: int = 0, rows: int = 3) -> dict[str, Tensor]:
    """Return right-padded random records: the last one is text alone, the first has no prior."""
    generator = torch.Generator().manual_seed(seed)
    most = learner.language_model.get_input_embeddings().num_embeddings
    lengths = [7 + 3 * row for row in range(rows)]
    ids = torch.zeros(rows, max(lengths), dtype=torch.long)
    labels = torch.full_like(ids, -100)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(3, most, (length,), generator=generator)
        labels[row, length - 4 : length] = ids[row, length - 4 : length]
        if row < rows - 1:
            ids[row, 2] = -200
    size = learner.vision_tower.image_size
    images = torch.rand(2, rows, 3, size, size, generator=generator)
    images[1, 0] = images[0, 0]
    mask = torch.arange(ids.shape[1])[None] < torch.tensor(lengths)[:, None]
    return {"input_ids": ids, "labels": labels, "attention_mask": mask, "images": images}


def trained(one: Started, steps: int = 2, rate: float = 0.5) -> Started:
    """Take some large steps, so that everything trainable differs from its start."""
    parameters = [p for p in one.learner.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(parameters, lr=rate)
    one.learner.train()
    for step in range(steps):
        optimiser.zero_grad()
        one.learner(**batch(one.learner, step))["loss"].backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
    one.learner.eval()
    return one


def reporter(one: Started) -> LibraReporter:
    """Return a reporter over the learner itself, not over its files."""
    model = one.learner.as_model().eval()
    engine = TransformersEngine(model.language_model, stop_ids=stop_ids(one.origin), batch_size=2)
    return LibraReporter(
        one.origin,
        model,
        one.tokenizer,
        one.preprocessor,
        ImageEncoder(model, {}),
        Engines("transformers", {"transformers": lambda: engine}),
        {},
    )


def reports(by: LibraReporter) -> list[list[Any]]:
    """Return texts with their ids and scores: greedy without a prior, beams with one."""
    current, prior = image("cur_a.png"), image("prior_a.png")
    found: list[list[Report]] = [
        by.report(current, template="libra_v1", max_new_tokens=12),
        by.report(current, prior, template="libra_v1", num_beams=3, max_new_tokens=8),
    ]
    return [[asdict(report) for report in some] for some in found]
