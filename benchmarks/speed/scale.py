"""How time and memory grow: the libra protocol with 1,000 resamples on up to a million pairs.

``python -m benchmarks.speed.scale [--pairs 10000 100000 1000000] [--processes 1 2]`` runs each
size in a fresh process and prints wall seconds and the largest resident memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import resource
import subprocess
import sys
import time

from benchmarks.speed.texts import sentences_of


def main() -> None:
    """Run every size in a process of its own and print the table; or, as a worker, one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--worker", action="store_true")
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(_work(options.pairs[0], options.processes[0])))
        return
    print("| pairs | processes | texts, s | scores, s | intervals, s | memory, GiB |")
    print("|---|---|---|---|---|---|")
    for pairs in options.pairs:
        for processes in options.processes:
            command = [sys.executable, "-m", "benchmarks.speed.scale", "--worker"]
            command += ["--pairs", str(pairs), "--processes", str(processes)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            row = json.loads(done.stdout)
            cells = (row["texts"], row["statistics"], row["intervals"], row["gib"])
            print(f"| {pairs:,} | {processes} | " + " | ".join(f"{c:.2f}" for c in cells) + " |")


def _work(pairs: int, processes: int) -> dict[str, float]:
    from metrics.evaluation import System
    from metrics.samples import TestSet
    from metrics.scoring import Resampling, score_systems, tally
    from metrics.selection import select
    from metrics.statistics import Units

    times = [time.perf_counter()]
    draw = random.Random(pairs)  # noqa: S311
    sentences = sentences_of(None)
    texts = [[" ".join(draw.sample(sentences, 5)) for _ in range(pairs)] for _ in range(2)]
    times.append(time.perf_counter())
    ids = [str(i) for i in range(pairs)]
    test_set = TestSet(ids, [[text] for text in texts[1]])
    units = Units.from_clusters([i // 2 for i in range(pairs)], pairs)
    counted = tally(select(["libra"]), test_set, {"a": System(texts[0])}, units, processes)
    times.append(time.perf_counter())
    score_systems(counted, Resampling(resamples=1000))
    times.append(time.perf_counter())
    steps = [b - a for a, b in itertools.pairwise(times)]
    used = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    gib = (used[0] + processes * used[1] * (processes > 1)) / 2**20
    return dict(zip(("texts", "statistics", "intervals"), steps, strict=True), gib=gib)


if __name__ == "__main__":
    main()
