"""The generation benchmark at the shape of a real model, in bfloat16 on a CUDA device.

``python -m benchmarks.speed.generation --gpu 7B``. A decoding step must at least read all weights
and the keys and values of its batch once; the table says how near to that limit we come. In
bfloat16 rounding may swap beams, so ids are not compared here (the CPU's float32 run does).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from benchmarks.speed.generation import BEAMS, DECODING, by_transformers
from benchmarks.speed.generation_model import PATCHES, Shape, SmallLibra, make_studies
from models.engines.engine import Decoding, EnginePrompt
from models.engines.transformers_engine import TransformersEngine

_DEVICE = torch.device("cuda")


def measure_gpu(shape: Shape, repeats: int) -> None:
    """Print a table of both sides, and of the share of the bandwidth limit that is reached."""
    if not torch.cuda.is_available():
        raise SystemExit("--gpu needs a CUDA device and a torch built for it.")
    torch.set_default_dtype(torch.bfloat16)
    with _DEVICE:
        model = SmallLibra(shape)
    bandwidth = _bandwidth()
    print(f"{shape.name} on {torch.cuda.get_device_name()}, {bandwidth / 1e12:.2f} TB/s measured\n")
    print("| decoding | batch | s per study | new tokens/s | of the limit | GPU memory, GB |")
    print("|---|--:|--:|--:|--:|--:|")
    peer = _seconds(lambda: by_transformers(model, _prompts(model, 1)[0].embeddings), repeats)
    print(f"| transformers, beams {BEAMS} | 1 | {peer:.2f} | {_rate(peer)} | - | {_peak():.1f} |")
    greedy = Decoding(max_new_tokens=DECODING.max_new_tokens)
    for name, decoding in ((f"beams {BEAMS}", DECODING), ("greedy", greedy)):
        for batch in (1, 4, 16):
            _row(model, name, decoding, batch, bandwidth, repeats)


def _row(
    model: SmallLibra, name: str, decoding: Decoding, batch: int, bandwidth: float, repeats: int
) -> None:
    engine = TransformersEngine(model.language_model, stop_ids=[], batch_size=batch)
    prompts = _prompts(model, batch)
    first = replace(decoding, max_new_tokens=1)
    prefill = _seconds(lambda: engine.generate(prompts, first), repeats)
    whole = _seconds(lambda: engine.generate(prompts, decoding), repeats)
    steps = decoding.max_new_tokens - 1
    share = _step_bytes(model, prompts) / bandwidth / ((whole - prefill) / steps)
    seconds = whole / batch
    print(f"| {name} | {batch} | {seconds:.2f} | {_rate(seconds)} | {share:.0%} | {_peak():.1f} |")


def _prompts(model: SmallLibra, count: int) -> list[EnginePrompt]:
    """Prompts with random image embeddings: encoding is not measured here."""
    studies = make_studies(model.shape, count, 0)
    size = (PATCHES, model.shape.width)
    return [study.prompt(model, torch.randn(size, device=_DEVICE)) for study in studies]


def _step_bytes(model: SmallLibra, prompts: list[EnginePrompt]) -> int:
    """Bytes a step must read: weights but for the embedding table, and the prompts' cache."""
    language, shape = model.language_model, model.shape
    weights: int = sum(w.numel() for w in language.parameters())
    weights -= language.get_input_embeddings().weight.numel()
    per_token = 2 * shape.layers * shape.key_value_heads * shape.width // shape.heads
    return 2 * (weights + per_token * sum(len(prompt.embeddings) for prompt in prompts))


def _bandwidth(size: int = 2**31) -> float:
    """Bytes per second of a copy within the device, read and written."""
    source = torch.zeros(size, dtype=torch.uint8, device=_DEVICE)
    target = torch.empty_like(source)
    return 2 * size / _seconds(lambda: target.copy_(source), 5)


def _seconds(function: Callable[[], Any], repeats: int) -> float:
    """Median wall seconds after one run to warm up."""
    times = []
    function()
    torch.cuda.reset_peak_memory_stats()
    for _ in range(repeats):
        torch.cuda.synchronize()
        start = time.perf_counter()
        function()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _rate(seconds: float) -> str:
    return f"{DECODING.max_new_tokens / seconds:.0f}"


def _peak() -> float:
    return torch.cuda.max_memory_allocated() / 1e9
