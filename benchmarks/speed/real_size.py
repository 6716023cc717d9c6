"""A published model's size, from its folder to reports: loading time, memory, studies per second.

``python -m benchmarks.speed.real_size --size 3B|7B --folder DIR`` writes random weights in the
official layout of libra-v1.0 (16-bit shards, RAD-DINO beside them), loads them as a user would,
and writes reports with beams and greedily. The texts mean nothing; times and memory do not depend
on that. Needs a CUDA device.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

import models
from models.engines.engine import Decoding
from models.libra.config import read_config
from models.libra.encoding import ImagePair
from models.libra.known_towers import KNOWN_TOWERS, KnownTower
from models.libra.manifest import official_keys, tower_keys
from models.libra.reporter import LibraReporter, Question
from models.training.tuning.known_shapes import KNOWN_LANGUAGE_MODELS

TOWER = "microsoft/rad-dino"
_COMMON = {
    "mm_vision_tower": "rad-dino",
    "mm_projector_type": "TAC",
    "mm_vision_select_layer": "all",
    "mm_vision_select_feature": "patch",
    "image_aspect_ratio": "pad",
    "model_type": "libra",
    "max_position_embeddings": 4096,
}
SIZES = {
    "7B": KNOWN_LANGUAGE_MODELS["meta-llama/Llama-2-7b-hf"],
    "3B": KNOWN_LANGUAGE_MODELS["meta-llama/Llama-3.2-3B-Instruct"],
}
_SHARD_BYTES = 2 * 2**30
_PIXELS = 2048


def main() -> None:
    """Write the checkpoint, load it, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="7B")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with a tokenizer")
    options = parser.parse_args()
    torch.manual_seed(0)
    write_checkpoint(options.folder, SIZES[options.size], options.tokenizer)
    start = time.perf_counter()
    model = models.load(options.folder / "model", device="cuda", dtype="bfloat16")
    torch.cuda.synchronize()
    print(f"{options.size} on {torch.cuda.get_device_name()}, bfloat16")
    print(f"loaded in {time.perf_counter() - start:.1f} s, {_gigabytes()} GB\n")
    print("| decoding, 40 new tokens | studies | s per study | images/s | peak GPU memory, GB |")
    print("|---|--:|--:|--:|--:|")
    for name, beams in (("beams 10", 10), ("greedy", 1)):
        for count in (1, 8, 32):
            _row(model, name, beams, count)


def write_checkpoint(
    folder: Path,
    settings: dict[str, Any],
    tokenizer: Path,
    known: KnownTower = KNOWN_TOWERS[TOWER],
) -> None:
    """Write random weights in the official layout, and the tower beside them."""
    model, tower = folder / "model", folder / "rad-dino"
    for path in (model, tower):
        path.mkdir(parents=True, exist_ok=True)
    (tower / "config.json").write_text(json.dumps(known.config))
    (tower / "preprocessor_config.json").write_text(json.dumps(known.preprocessor))
    save_file(_random(tower_keys(known.config), torch.float32), tower / "model.safetensors")
    common = {**_COMMON, "mm_hidden_size": known.config["hidden_size"]}
    (model / "config.json").write_text(json.dumps({**settings, **common}))
    for file in tokenizer.glob("*token*"):
        shutil.copy(file, model)
    keys = official_keys(read_config(model), known.config)
    shards: list[dict[str, tuple[int, ...]]] = [{}]
    for name, shape in keys.items():
        if _bytes({**shards[-1], name: shape}) > _SHARD_BYTES and shards[-1]:
            shards.append({})
        shards[-1][name] = shape
    weight_map = {}
    for number, shard in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        save_file(_random(shard, torch.float16), model / name)
        weight_map.update(dict.fromkeys(shard, name))
    index = {"metadata": {}, "weight_map": weight_map}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))


def _random(shapes: dict[str, tuple[int, ...]], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Weights of norms are one; the others are drawn, on the GPU where there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tensors = {}
    for name, shape in shapes.items():
        if "norm" in name and name.endswith("weight"):
            tensors[name] = torch.ones(shape, dtype=dtype)
        else:
            drawn = torch.empty(shape, dtype=dtype, device=device).normal_(0, 0.02)
            tensors[name] = drawn.cpu()
    return tensors


def _bytes(shapes: dict[str, tuple[int, ...]]) -> int:
    return 2 * sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes.values())


def _row(model: LibraReporter, name: str, beams: int, count: int) -> None:
    decoding = Decoding(
        num_beams=beams, length_penalty=2.0, no_repeat_ngram_size=3, max_new_tokens=40
    )
    rng = np.random.default_rng(0)
    prompt = "Provide a detailed description of the findings in the radiology image."
    questions = []
    for number in range(count):
        pair = [
            model.preprocess(rng.integers(0, 256, (_PIXELS, _PIXELS), np.uint8)) for _ in range(2)
        ]
        questions.append(Question(ImagePair(*pair), [("user", prompt)], key=str(number)))
    model.reports(questions[:1], decoding)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    encoder = model.encoder
    images, seconds = encoder.images, encoder.seconds
    start = time.perf_counter()
    model.reports(questions, decoding)
    torch.cuda.synchronize()
    each = (time.perf_counter() - start) / count
    rate = (encoder.images - images) / (encoder.seconds - seconds)
    print(f"| {name} | {count} | {each:.2f} | {rate:.0f} | {_gigabytes()} |", flush=True)


def _gigabytes() -> str:
    return f"{torch.cuda.max_memory_allocated() / 1e9:.1f}"


if __name__ == "__main__":
    main()
