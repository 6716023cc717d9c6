"""A paired comparison of three systems with 10,000 trials, against sacreBLEU's own.

``python -m benchmarks.speed.comparison [--reports FILE.jsonl]``: both sides in turn, medians of
CPU seconds. sacreBLEU compares BLEU and chrF; ours compares every metric of the default protocol.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed.texts import PAIRS, distinct_pairs, sentences_of

TRIALS = 10_000


def main() -> None:
    """Time both sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=Path, help="flat JSONL of real reports (findings)")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    predictions, references = distinct_pairs(sentences_of(options.reports), 0, PAIRS, systems=3)
    systems = {f"system{i}": texts for i, texts in enumerate(predictions)}
    ours, outputs = _ours(systems, references)
    peer = _sacrebleu(systems, references)
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(options.repeats):
        times["ours"].append(_seconds(ours))
        times["peer"].append(_seconds(peer))
    mine, theirs = (statistics.median(times[side]) for side in ("ours", "peer"))
    print(f"| sacreBLEU, 2 metrics, 2 pairs | {theirs:.2f} s |")
    print(f"| cxr-harness, {outputs} outputs, 3 pairs, bootstrap too | {mine:.2f} s |")


def _ours(systems: dict[str, list[str]], references: list[str]) -> tuple[Callable[[], Any], int]:
    from metrics.comparison import compare_tally
    from metrics.evaluation import System
    from metrics.samples import TestSet
    from metrics.scoring import tally
    from metrics.selection import select
    from metrics.statistics import Units

    ids = [str(i) for i in range(len(references))]
    test_set = TestSet(ids, [[text] for text in references])
    given = {name: System(texts) for name, texts in systems.items()}
    counted = tally(select(None, "default"), test_set, given, Units.from_clusters(None, len(ids)))
    return lambda: compare_tally(counted, trials=TRIALS), len(counted.outputs())


def _sacrebleu(systems: dict[str, list[str]], references: list[str]) -> Callable[[], Any]:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.significance import PairedTest

    def run() -> Any:
        metrics = {"BLEU": BLEU(references=[references]), "chrF": CHRF(references=[references])}
        test = PairedTest(
            list(systems.items()), metrics, references=None, test_type="ar", n_samples=TRIALS
        )
        return test()

    return run


def _seconds(function: Callable[[], Any]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


if __name__ == "__main__":
    main()
