"""What bfloat16 and int8 change in the clinical annotators, and what they save, on a CPU.

``python -m benchmarks.speed.clinical_precision --reports FILE.jsonl`` prints a Markdown table: CPU
milliseconds per report, medians of one thread without loading, and how far the answers are from
float32's. Random weights at real size are the worst case, since their decisions are nearly ties;
``--weights FOLDER`` takes trained ones, from a folder as ``cxr-harness weights list`` shows it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.speed.clinical import ENGINES, texts_of
from benchmarks.speed.clinical_models import make_models, make_ratescore
from benchmarks.speed.clinical_runs import deviation, load_run
from metrics.precision import FLOAT32, PRECISIONS

ANNOTATORS = (*ENGINES, "ratescore")


def main() -> None:
    """Measure every annotator in every precision and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=Path, nargs="+", required=True, help="flat JSONL")
    parser.add_argument("--count", type=int, default=100, help="distinct reports")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--weights", type=Path, help="folder of trained weights")
    parser.add_argument("--only", choices=ANNOTATORS, nargs="+", default=ANNOTATORS)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    every = texts_of(options.reports)
    texts = every[: options.count]
    print(f"torch {torch.__version__}, {len(texts)} texts\n")
    print("| annotator | precision | CPU ms | ratio | deviation from float32 |")
    print("|---|---|--:|--:|---|")
    with tempfile.TemporaryDirectory(prefix="clinical-precision-") as scratch:
        folder = options.weights or Path(scratch) / "models"
        if options.weights is None:
            make_models(folder, every)
            make_ratescore(folder)
        for name in options.only:
            _measure(name, folder, texts, options.repeats)


def _measure(name: str, folder: Path, texts: list[str], repeats: int) -> None:
    expected, exact_s = _timed(name, folder, FLOAT32, texts, repeats)
    _row(name, FLOAT32, exact_s / len(texts), 1.0, "")
    for precision in PRECISIONS[1:]:
        found, seconds = _timed(name, folder, precision, texts, repeats)
        words = deviation(name, expected, found)
        _row(name, precision, seconds / len(texts), exact_s / seconds, words)


def _timed(
    name: str, folder: Path, precision: str, texts: list[str], repeats: int
) -> tuple[list[Any], float]:
    """Return the answers, and the median of CPU seconds."""
    run = load_run(name, folder, precision=precision)
    run(texts[:2])
    times = []
    for _ in range(repeats):
        start = time.process_time()
        found = run(texts)
        times.append(time.process_time() - start)
    return found, statistics.median(times)


def _row(name: str, precision: str, seconds: float, ratio: float, words: str) -> None:
    print(f"| {name} | {precision} | {seconds * 1e3:.1f} | {ratio:.2f}x | {words} |", flush=True)


if __name__ == "__main__":
    main()
