"""Towers load under the names of any version of transformers; files hold those of version 4."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import models
from models.hub import locate
from models.libra.tower_names import official_names
from tests.models.libra.golden_models import case, copied, expected, image, reporter

PREFIX = "model.vision_tower.vision_tower."
NEW = {
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
}


def as_saved(name: str) -> str:
    return name


def as_transformers_5(name: str) -> str:
    for old, new in NEW.items():
        name = name.replace(old, new)
    return name


@pytest.mark.parametrize("spelling", [as_saved, as_transformers_5])
def test_a_dinov2_tower_inside_the_checkpoint_loads_under_either_spelling(
    spelling: Callable[[str], str], tmp_path: Path
) -> None:
    folder = copied("full", tmp_path)
    tower = load_file(folder.parent / "tiny-rad-dino" / "model.safetensors")
    inside = {PREFIX + spelling(name): tensor for name, tensor in tower.items()}
    save_file(inside, folder / "model-tower.safetensors")
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["weight_map"] |= dict.fromkeys(inside, "model-tower.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"unfreeze_mm_vision_tower": True}))
    (folder.parent / "tiny-rad-dino" / "model.safetensors").unlink()

    one = case("full", "c1")
    images = [image(name) for name in one["images"]]
    how = {"prompt": one["query"], "max_new_tokens": 6}
    model = models.load(folder, device="cpu", dtype="float32")
    made = model.report(*images, **how)[0]
    wanted = reporter("full").report(*images, **how)[0]
    assert wanted.token_ids == made.token_ids
    pixels = torch.from_numpy(np.stack([model.preprocess(images[0])]))
    usual = reporter("full").model.vision_tower(pixels)
    assert torch.equal(usual, model.model.vision_tower(pixels))
    assert "libra-v1.0-tiny" == expected("full")["checkpoint"]


@pytest.mark.parametrize("name", ["libra-phantom", "mlp-phantom"])
def test_the_bundled_weights_hold_the_official_names(name: str) -> None:
    names = {
        key.removeprefix(PREFIX): 0
        for key in load_file(locate(name) / "model.safetensors")
        if key.startswith(PREFIX)
    }
    assert names == official_names(names, "dinov2")
    assert "encoder.layer.0.attention.attention.query.weight" in names


def test_the_text_half_of_a_pair_keeps_its_names() -> None:
    names = dict.fromkeys(["text_model.final.weight", "logit_scale", "embeddings.x"], 0)
    named = list(official_names(names, "siglip_vision_model"))
    assert ["text_model.final.weight", "logit_scale", "vision_model.embeddings.x"] == named
