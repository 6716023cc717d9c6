"""RadGraph, CheXbert and BERTScore at BERT-base's size, against the official packages, on a CPU.

``python -m benchmarks.speed.clinical --reports FILE.jsonl ...``: random weights in the official
layouts; texts that neither side has seen; both sides in turn, one thread each, medians of CPU
seconds without loading. The official packages run as they are in the reference environment
(``cxr-harness reference-env create``). Annotations must be equal, vectors and scores to 5e-5.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.texts import distinct_pairs, sentences_of
from metrics.official.clinical import Answer, ReferenceWorker
from metrics.official.clinical_worker import peak_bytes

ENGINES = ("radgraph", "chexbert", "bertscore")
LAYER = 9
"""bert-score's choice for BERT-base."""
SYSTEMS = 6
TOLERANCE = 5e-5
Rows = dict[str, list[float]]


def main() -> None:
    """Run both sides in turn and print the tables; or, for its peak memory, one engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=Path, nargs="+", required=True, help="flat JSONL")
    parser.add_argument("--count", type=int, default=100, help="reports per run")
    parser.add_argument("--pairs", type=int, default=20, help="references of the six systems")
    parser.add_argument(
        "--predictions", type=Path, nargs="+", help="JSONL of real systems, in place of six"
    )
    parser.add_argument("--repeats", type=int, default=3, help="0: several systems only")
    parser.add_argument("--models", type=Path, help="folder to keep the models in")
    parser.add_argument("--peak", choices=ENGINES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clinical-speed-") as scratch:
        folder = options.models or Path(scratch) / "models"
        texts = texts_of(options.reports)
        os.environ["CXR_HARNESS_WEIGHTS"] = str(folder.absolute())
        os.environ["CXR_HARNESS_CACHE"] = scratch
        _one_thread()
        if options.peak:
            _measure_peak(options.peak, texts[: options.count])
            return
        if not (folder / "chexbert.pth").exists():
            from benchmarks.speed.clinical_models import make_models

            make_models(folder, texts)
        _compare(options, texts)


def texts_of(files: Sequence[Path]) -> list[str]:
    """Return the distinct findings of flat reports files."""
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    found = (json.loads(line).get("findings") or "" for line in lines)
    return list(dict.fromkeys(text for text in found if text.strip()))


def _one_thread() -> None:
    import torch

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


def _compare(options: argparse.Namespace, texts: list[str]) -> None:
    theirs = _Official()
    for name in ENGINES:
        # loading is no part of the figures
        theirs.annotate(name, texts[-1:])
    if options.repeats:
        _compare_engines(theirs, options, texts)
    _print_systems(theirs, *_systems(options))
    theirs.close()
    if options.repeats:
        _print_peaks(options)


def _compare_engines(theirs: _Official, options: argparse.Namespace, texts: list[str]) -> None:
    count = options.count
    if len(texts) < count * options.repeats + 1:
        raise SystemExit(f"{options.repeats} runs need {count * options.repeats + 1} reports.")
    ours = _load_ours()
    rows: Rows = {}
    for name in ENGINES:
        ours[name](texts[-1:])
    for repeat in range(options.repeats):
        part = texts[repeat * count : (repeat + 1) * count]
        for name in ENGINES:
            answer = theirs.annotate(name, part)
            rows.setdefault(f"{name} official", []).append(answer.cpu_s / count)
            found = _add(rows, f"{name} ours", count, ours[name], part)
            _check_equal(name, answer.result, found)
        print(f"# run {repeat + 1} of {options.repeats} done", file=sys.stderr, flush=True)
    limit = _encoder_limit(_mean_tokens(texts[: count * options.repeats]))
    _print_engines({name: statistics.median(times) for name, times in rows.items()}, limit)


class _Official:
    """The official packages, with the models of the weights folder."""

    def __init__(self) -> None:
        weights = Path(os.environ["CXR_HARNESS_WEIGHTS"])
        bert = str(weights / "bert-base")
        self._worker = ReferenceWorker()
        self.close = self._worker.close
        self.radgraph = {
            "archive": str(weights / "radgraph.tar.gz"),
            "encoder": str(weights / "pubmedbert"),
            "model_type": "radgraph",
        }
        self.chexbert = {"checkpoint": str(weights / "chexbert.pth"), "encoder": bert}
        self.bertscore = {"model": bert, "layer": LAYER, "rescale": False, "baseline_file": None}

    def ask(self, task: str, **texts: Any) -> Answer:
        """Return the answer to a task with this run's models."""
        settings = getattr(self, task.partition("_")[0])
        return self._worker.ask(task, **settings, **texts)

    def annotate(self, name: str, texts: list[str]) -> Answer:
        """Return what the package says of texts; BERTScore, of each and the one before it."""
        if name == "radgraph":
            return self.ask("radgraph", texts=texts)
        if name == "chexbert":
            return self.ask("chexbert_labels", texts=texts)
        pairs = {"hyps": texts, "refs": _before(texts), "idf_texts": None, "batch_size": 64}
        return self.ask("bertscore", **pairs)


def _before(texts: list[str]) -> list[str]:
    """Return other texts of the same kind: each one's neighbour, its words in reverse."""
    return [" ".join(reversed(text.split())) for text in [*texts[-1:], *texts[:-1]]]


def _load_ours() -> dict[str, Callable[[list[str]], Any]]:
    from metrics.annotators import CheXbertAnnotator, RadGraphAnnotator
    from metrics.annotators.bertscore import BertScoreAnnotator

    folder = Path(os.environ["CXR_HARNESS_WEIGHTS"])
    bert = folder / "bert-base"
    radgraph = RadGraphAnnotator.load(folder / "radgraph.tar.gz", folder / "pubmedbert")
    chexbert = CheXbertAnnotator.load(folder / "chexbert.pth", bert)
    bertscore = BertScoreAnnotator.load(bert, LAYER)
    return {
        "radgraph": radgraph.annotate,
        "chexbert": lambda texts: chexbert.annotate(texts).labels.tolist(),
        "bertscore": lambda texts: bertscore.scores(texts, _before(texts)).T,
    }


def _mean_tokens(texts: list[str]) -> float:
    from metrics.annotators.encoders import load_tokenizer

    tokenizer = load_tokenizer(Path(os.environ["CXR_HARNESS_WEIGHTS"]) / "bert-base")
    return sum(map(len, tokenizer(texts)["input_ids"])) / len(texts)


def _check_equal(name: str, official: Any, ours: Any) -> None:
    if name == "bertscore":
        worst = float(np.abs(np.array(official) - np.array(ours)).max())
        if worst > TOLERANCE:
            raise SystemExit(f"BERTScore differs by {worst}: no table.")
        return
    different = sum(a != b for a, b in zip(official, ours, strict=True))
    if different:
        raise SystemExit(f"{name}: {different} of {len(ours)} annotations differ: no table.")


def _add(rows: Rows, name: str, count: int, function: Callable[..., Any], *given: Any) -> Any:
    start = time.process_time()
    result = function(*given)
    rows.setdefault(name, []).append((time.process_time() - start) / count)
    return result


def _encoder_limit(tokens: float, rows: int = 1024) -> float:
    """CPU seconds per text of BERT-base's products with weights alone, at their fastest."""
    import torch

    shapes = [(768, 768)] * 4 + [(768, 3072), (3072, 768)]
    operands = [(torch.randn(rows, a), torch.randn(b, a)) for a, b in shapes]
    best = float("inf")
    with torch.inference_mode():
        for _ in range(9):
            start = time.process_time()
            for states, weight in operands:
                torch.nn.functional.linear(states, weight)
            best = min(best, time.process_time() - start)
    return 12 * best * tokens / rows


def _print_engines(times: dict[str, float], limit: float) -> None:
    # two texts per pair, nine of twelve layers
    limits = {"radgraph": limit, "chexbert": limit, "bertscore": 2 * limit * LAYER / 12}
    print("| CPU ms per report or pair | official | cxr-harness | ratio | weights alone |")
    print("|---|--:|--:|--:|--:|")
    for name in ENGINES:
        official, ours = times[f"{name} official"], times[f"{name} ours"]
        cells = f"{official * 1e3:.1f} | {ours * 1e3:.1f} | {official / ours:.2f}x"
        print(f"| {name} | {cells} | {limits[name] * 1e3:.1f} |", flush=True)


def _systems(options: argparse.Namespace) -> tuple[list[list[str]], list[str]]:
    """Return every system's predictions, and the references: recombined, all distinct, or real."""
    if not options.predictions:
        sentences = sentences_of(options.reports[0])
        return distinct_pairs(sentences, 0, options.pairs, systems=SYSTEMS)
    texts = {row["study_id"]: row["findings"] for row in _rows(options.reports[0])}
    ids = [study for study, text in texts.items() if text.strip()][: options.pairs]
    systems = [
        {row["study_id"]: row["prediction"] for row in _rows(file)} for file in options.predictions
    ]
    # the official package fails on a blank text, not on an empty one
    predictions = [[system[study].strip() for study in ids] for system in systems]
    return predictions, [texts[study] for study in ids]


def _rows(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _print_systems(theirs: _Official, predictions: list[list[str]], references: list[str]) -> None:
    """Print what several systems cost in one command, against one at a time."""
    from metrics import score

    systems = {str(i): texts for i, texts in enumerate(predictions)}
    distinct = len({text for texts in (references, *predictions) for text in texts})
    print(f"\n{len(systems)} systems, {len(references)} references, {distinct} distinct texts")
    rows: Rows = {}
    for texts in predictions:
        rewards = theirs.ask("radgraph_rewards", hyps=texts, refs=references)
        labels = theirs.ask("chexbert_f1", hyps=texts, refs=references)
        vectors = theirs.ask("chexbert_vectors", texts=[*texts, *references])
        rows.setdefault("radgraph", []).append(rewards.cpu_s)
        rows.setdefault("chexbert", []).append(labels.cpu_s + 2 * vectors.cpu_s)
        rows.setdefault("two passes", []).append(labels.cpu_s + vectors.cpu_s)
    official = {name: statistics.mean(times) for name, times in rows.items()}
    wanted = {"radgraph": ["radgraph"], "chexbert": ["chexbert", "semb_score"]}
    print("\n| CPU s per system | official | ours, all at once | ratio | again, cached | ratio |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, metrics in wanted.items():
        score(["warm up"], ["warm up the model"], metrics=metrics, resamples=0)
        rows = {}
        run = partial(score, systems, references, metrics=metrics, resamples=0)
        for row in ("cold", "warm"):
            table = _add(rows, row, len(systems), run)
        if name == "radgraph":
            found = table.systems[str(len(systems) - 1)].metrics["radgraph_simple"].score
            if abs(found - rewards.result["means"][0]) > 1e-9:
                raise SystemExit("radgraph_simple differs: no table.")
        theirs_s, cold, warm = official[name], rows["cold"][0], rows["warm"][0]
        print(
            f"| {name} | {theirs_s:.2f} | {cold:.2f} | {theirs_s / cold:.1f}x | {warm:.4f} "
            f"| {theirs_s / warm:.0f}x |",
            flush=True,
        )
    texts = sorted({text for texts in (references, *predictions) for text in texts})
    least = _encoder_limit(_mean_tokens(texts)) * len(texts) / len(systems)
    print(f"(The encoder's products with its weights alone: {least:.2f} s per system.)")
    print("(CheXbert officially: F1, SembScore and RadCliQ, a pass each; where one run gives both")
    print(f"SembScore and RadCliQ: {official['two passes']:.2f})")


def _measure_peak(name: str, texts: list[str]) -> None:
    from metrics.annotators import CheXbertAnnotator, RadGraphAnnotator
    from metrics.annotators.bertscore import BertScoreAnnotator

    folder = Path(os.environ["CXR_HARNESS_WEIGHTS"])
    bert = folder / "bert-base"
    if name == "radgraph":
        RadGraphAnnotator.load(folder / "radgraph.tar.gz", bert).annotate(texts)
    elif name == "chexbert":
        CheXbertAnnotator.load(folder / "chexbert.pth", bert).annotate(texts)
    else:
        BertScoreAnnotator.load(bert, LAYER).scores(texts, _before(texts))
    print(peak_bytes())


def _print_peaks(options: argparse.Namespace) -> None:
    texts = texts_of(options.reports)[: options.count]
    weights = os.environ["CXR_HARNESS_WEIGHTS"]
    print("\n| peak memory, GiB | official | cxr-harness |\n|---|--:|--:|")
    for name in ENGINES:
        official = _Official()
        theirs = official.annotate(name, texts).peak_bytes
        official.close()
        command = [sys.executable, "-m", "benchmarks.speed.clinical", "--peak", name]
        command += ["--models", weights, "--count", str(options.count), "--reports"]
        done = subprocess.run(
            [*command, *map(str, options.reports)], capture_output=True, text=True, check=True
        )
        print(f"| {name} | {theirs / 2**30:.2f} | {int(done.stdout) / 2**30:.2f} |", flush=True)


if __name__ == "__main__":
    main()
