"""The clinical annotators on a CUDA device: one report at a time, in batches, and in bfloat16.

``python -m benchmarks.speed.clinical_gpu [--reports FILE.jsonl ...]`` prints a Markdown table: wall
seconds, medians after one run to warm up, at BERT-base's size with random weights. It needs
neither network nor the official packages; without ``--reports`` the texts are recombined phantom
reports. The labels of float32 on the device are compared with those of the CPU, those of bfloat16
with float32.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.speed.clinical import ENGINES, texts_of
from benchmarks.speed.clinical_models import make_models
from benchmarks.speed.clinical_runs import Run, deviation, load_run
from benchmarks.speed.texts import distinct_pairs, sentences_of

_ON_CPU = 24
"""Texts that the CPU reads too."""


def main() -> None:
    """Measure every engine and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=Path, nargs="+", help="flat JSONL of reports")
    parser.add_argument("--count", type=int, default=500, help="reports per run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cuda", help="cpu tries the script out")
    options = parser.parse_args()
    # autocast belongs to a thread, and the device needs no second one
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    texts = _texts(options)[: options.count]
    with tempfile.TemporaryDirectory(prefix="clinical-gpu-") as scratch:
        folder = Path(scratch) / "models"
        make_models(folder, texts)
        if options.device == "cuda":
            print(
                f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {len(texts)} texts\n"
            )
        print("| engine | texts | reports/s | ratio | peak GPU memory, GB | deviation |")
        print("|---|---|--:|--:|--:|---|")
        for name in ENGINES:
            _measure(name, folder, texts, options)


def _texts(options: argparse.Namespace) -> list[str]:
    if options.reports:
        return texts_of(options.reports)
    return distinct_pairs(sentences_of(None), 0, options.count)[1]


def _measure(name: str, folder: Path, texts: list[str], options: argparse.Namespace) -> None:
    run = load_run(name, folder, options.device)
    on_cpu = load_run(name, folder)(texts[:_ON_CPU])

    def one_by_one(texts: list[str]) -> list[Any]:
        return [run([text])[0] for text in texts]

    def in_bfloat16(texts: list[str]) -> list[Any]:
        with torch.autocast(options.device, torch.bfloat16):
            return run(texts)

    few = texts[: max(_ON_CPU, len(texts) // 5)]
    alone, alone_s, memory = _timed(one_by_one, few, options)
    _row(name, "one by one", len(few) / alone_s, 1.0, memory, "")
    batched, seconds, memory = _timed(run, texts, options)
    ratio = alone_s / len(few) * len(texts) / seconds
    parts = [f"to the CPU: {deviation(name, on_cpu, batched[:_ON_CPU])}"]
    parts.append(f"to one by one: {deviation(name, alone, batched[: len(few)])}")
    _row(name, "in batches", len(texts) / seconds, ratio, memory, "; ".join(parts))
    rough, seconds, memory = _timed(in_bfloat16, texts, options)
    ratio = alone_s / len(few) * len(texts) / seconds
    _row(
        name,
        "bfloat16",
        len(texts) / seconds,
        ratio,
        memory,
        f"to float32: {deviation(name, batched, rough)}",
    )


def _row(name: str, what: str, rate: float, ratio: float, memory: float, deviation: str) -> None:
    print(
        f"| {name} | {what} | {rate:.0f} | {ratio:.1f}x | {memory:.2f} | {deviation} |", flush=True
    )


def _timed(
    run: Run, texts: list[str], options: argparse.Namespace
) -> tuple[list[Any], float, float]:
    """Return what it gives, its median wall seconds, and the device's peak memory in GB."""
    on_device = options.device == "cuda"
    found = run(texts)
    if on_device:
        torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        found = run(texts)
        times.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated() / 1e9 if on_device else 0.0
    return found, statistics.median(times), peak


if __name__ == "__main__":
    main()
