"""The libra protocol (without BERTScore) against today's scorers, each run in a fresh process.

``python -m benchmarks.speed.lexical [--reports FILE.jsonl] [--repeats N]`` prints a Markdown table:
medians over interleaved runs, texts never seen before, the same numbers checked on both sides.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed.texts import PAIRS, distinct_pairs, sentences_of

METRICS = ["bleu1", "bleu2", "bleu3", "bleu4", "meteor", "rougeL", "temporal_f1"]


def main() -> None:
    """Run both sides in turn and print the table; or, as a worker, one side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=Path, help="flat JSONL of real reports (findings)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--worker", choices=["ours", "ours10", "peer", "bootstrap"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(_work(options.worker, options)))
        return
    rows: dict[str, list[dict[str, Any]]] = {}
    for repeat in range(options.repeats):
        for side in ("ours", "peer", "ours10", "bootstrap"):
            rows.setdefault(side, []).append(_run(side, repeat, options))
        _check_equal(rows["ours"][-1]["scores"], rows["peer"][-1]["scores"])
    _print(rows, options)


def _run(side: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.speed.lexical", "--worker", side]
    command += ["--seed", str(seed), "--pairs", str(options.pairs)]
    if options.reports:
        command += ["--reports", str(options.reports)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _work(side: str, options: argparse.Namespace) -> dict[str, Any]:
    systems = 10 if side == "ours10" else 1
    texts = distinct_pairs(sentences_of(options.reports), options.seed, options.pairs, systems)
    loaded, load_s = _timed(_load_peer if side == "peer" else _load_ours)
    result, seconds = _timed(lambda: loaded(side, *texts))
    return {"load_s": load_s, "seconds": seconds / systems, "scores": result}


def _timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """CPU seconds of this process, so that a busy machine does not count."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def _load_ours() -> Callable[..., dict[str, float]]:
    from metrics import score

    score(["warm up the images"], ["warm up an image"], metrics=METRICS, protocol="libra")

    def evaluate(
        side: str, predictions: list[list[str]], references: list[str]
    ) -> dict[str, float]:
        systems = {str(i): texts for i, texts in enumerate(predictions)}
        resamples = 1000 if side == "bootstrap" else 0
        table = score(systems, references, metrics=METRICS, protocol="libra", resamples=resamples)
        return {name: s.score for name, s in table.systems["0"].metrics.items() if name in METRICS}

    return evaluate


def _load_peer() -> Callable[..., dict[str, float]]:
    from benchmarks.speed.peers import load

    evaluate = load()
    return lambda _, predictions, references: evaluate(predictions[0], references)


def _check_equal(ours: dict[str, float], peer: dict[str, float]) -> None:
    worst = max(abs(ours[name] - peer[name]) for name in METRICS)
    if worst > 1e-12:
        raise SystemExit(f"The two sides differ by {worst}: no table.")


def _print(rows: dict[str, list[dict[str, Any]]], options: argparse.Namespace) -> None:
    def median(side: str, *keys: str) -> float:
        return float(statistics.median(sum(row[key] for key in keys) for row in rows[side]))

    peer, ours = median("peer", "seconds"), median("ours", "seconds")
    whole_peer, whole = median("peer", "load_s", "seconds"), median("ours", "load_s", "seconds")
    ten, intervals = median("ours10", "seconds"), median("bootstrap", "seconds")
    print(f"{options.pairs} pairs of distinct texts, CPU seconds, medians of {options.repeats}\n")
    print("| what | today's scorers | cxr-harness | ratio |\n|---|---|---|---|")
    print(f"| libra protocol, resources loaded | {peer:.2f} | {ours:.3f} | {peer / ours:.1f}x |")
    print(f"| loading and scoring | {whole_peer:.2f} | {whole:.3f} | {whole_peer / whole:.1f}x |")
    print(f"| per system, ten systems | {peer:.2f} | {ten:.3f} | {peer / ten:.1f}x |")
    added = intervals - ours
    print(f"| 1,000 resamples, in addition | - | {added:.3f} | {added / ours:+.0%} |")


if __name__ == "__main__":
    main()
