"""Runs the official clinical packages; started in an environment of their own.

`metrics.official.clinical` starts this file with that environment's Python. It imports nothing of
the project. Each line of the standard input is a request, a JSON object with ``task`` and its
settings; each line of the standard output the answer: ``result`` with ``cpu_s`` (loading left
out) and ``peak_bytes``, or ``error``.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Request = dict[str, Any]
_loaded: dict[tuple[Any, ...], Any] = {}


def main() -> None:
    """Answer requests until the input ends, from within a folder that goes away afterwards."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    # the packages print to the standard output
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        os.chdir(folder)
        for line in sys.stdin:
            answers.write(json.dumps(_answer(json.loads(line))) + "\n")
            answers.flush()
        os.chdir("/")


def _answer(request: Request) -> dict[str, Any]:
    try:
        load, run = TASKS[request["task"]]
        model = load(request)
        start = time.process_time()
        result = run(model, request)
        seconds = time.process_time() - start
    # whatever the packages raise is an answer; their messages may hold report text
    except Exception as error:
        places = [
            f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)
        ]
        return {"error": f"{type(error).__name__} at {' > '.join(places[-3:])}"}
    return {"result": result, "cpu_s": seconds, "peak_bytes": peak_bytes()}


def peak_bytes() -> int:
    """Return this process's largest resident memory, 0 where the system does not tell."""
    status = Path("/proc/self/status")
    # not getrusage: a new process begins with its parent's peak there
    lines = status.read_text("ascii").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _once(key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    if key not in _loaded:
        _loaded[key] = make()
    return _loaded[key]


def _link(name: str, target: str) -> None:
    """Put a file or folder where a package looks for it: under a name in the working directory."""
    place = Path(name)
    if place.is_absolute() or ".." in place.parts:
        raise ValueError("a name that leads out of the folder")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def _radgraph(request: Request) -> Any:
    archive, encoder, kind = request["archive"], request["encoder"], request["model_type"]
    return _once(
        ("radgraph", archive, encoder, kind), lambda: _load_radgraph(archive, encoder, kind)
    )


def _load_radgraph(archive: str, encoder: str, kind: str) -> Any:
    from radgraph import F1RadGraph  # type: ignore[import-not-found]
    from radgraph.allennlp.common import cached_transformers  # type: ignore[import-not-found]

    # it remembers encoders by name, and another archive's may have the same one
    cached_transformers._model_cache.clear()
    cached_transformers._tokenizer_cache.clear()
    # a folder that is not empty suppresses the download
    cache = Path(tempfile.mkdtemp(dir="."))
    if Path(archive).is_dir():
        (cache / kind).symlink_to(archive)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(cache / kind, filter="data")
    config = json.loads((cache / kind / "config.json").read_text("utf-8"))
    _link(config["model"]["embedder"]["token_embedders"]["bert"]["model_name"], encoder)
    return F1RadGraph(reward_level="all", model_type=kind, model_cache_dir=str(cache), cuda=-1)


def _annotate(model: Any, request: Request) -> list[Any]:
    texts = request["texts"]
    if not texts:
        return []
    try:
        found = model.radgraph(texts)
        return [found.get(str(i)) for i in range(len(texts))]
    except AssertionError:
        # one text without words fails the whole call
        return [_annotate_one(model, text) for text in texts]


def _annotate_one(model: Any, text: str) -> Any:
    try:
        return model.radgraph([text]).get("0")
    except AssertionError:
        return None


def _rewards(model: Any, request: Request) -> dict[str, Any]:
    means, rewards, _, _ = model(hyps=request["hyps"], refs=request["refs"])
    return {"means": list(map(float, means)), "rewards": [list(map(float, r)) for r in rewards]}


def _chexbert(request: Request) -> Any:
    checkpoint, encoder = request["checkpoint"], request["encoder"]
    return _once(("chexbert", checkpoint, encoder), lambda: _load_chexbert(checkpoint, encoder))


def _load_chexbert(checkpoint: str, encoder: str) -> Any:
    from f1chexbert import f1chexbert  # type: ignore[import-not-found]

    _link("bert-base-uncased", encoder)
    _link("chexbert/chexbert.pth", checkpoint)
    f1chexbert.CACHE_DIR = "chexbert"
    return f1chexbert.F1CheXbert(device="cpu")


def _labels(model: Any, request: Request) -> list[list[int]]:
    classes = {"": 0, 1: 1, 0: 2, -1: 3}
    labels = (model.get_label(text, mode="classification") for text in request["texts"])
    return [[classes[label] for label in found] for found in labels]


def _vectors(model: Any, request: Request) -> list[list[float]]:
    """Return the vector that SembScore compares: the state before the package's label heads."""
    import pandas as pd
    import torch
    from f1chexbert import f1chexbert

    vectors = []
    with torch.no_grad():
        for text in request["texts"]:
            batch = torch.LongTensor(f1chexbert.tokenize(pd.Series([text]), model.tokenizer))
            mask = f1chexbert.generate_attention_masks(batch, [batch.shape[1]], "cpu")
            vectors.append(model.model.bert(batch, attention_mask=mask)[0][0, 0].tolist())
    return vectors


def _chexbert_f1(model: Any, request: Request) -> dict[str, Any]:
    accuracy, agree, fourteen, five = model(hyps=request["hyps"], refs=request["refs"])
    found = {"accuracy": float(accuracy), "agree": agree.tolist()}
    return {**found, "report_14": _plain(fourteen), "report_5": _plain(five)}


def _plain(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {name: {k: float(v) for k, v in row.items()} for name, row in report.items()}


def _bertscore(request: Request) -> Any:
    names = ("model", "layer", "rescale", "baseline_file")
    key = tuple(request[name] for name in names)
    return _once(("bertscore", *key), lambda: _load_bertscore(*key))


def _load_bertscore(model: str, layer: int, rescale: bool, baseline_file: str | None) -> Any:
    from bert_score import BERTScorer  # type: ignore[import-not-found]

    # the package reads meaning into a model's name, and may find some in a path
    name = f"encoder-{len(_loaded)}"
    _link(name, model)
    return BERTScorer(
        model_type=name,
        num_layers=layer,
        lang="en",
        rescale_with_baseline=rescale,
        baseline_path=baseline_file,
        nthreads=0,
        device="cpu",
    )


def _bert_scores(scorer: Any, request: Request) -> list[list[float]]:
    corpus: Sequence[str] | None = request["idf_texts"]
    scorer._idf, scorer._idf_dict = corpus is not None, None
    if corpus is not None:
        scorer.compute_idf(corpus)
    if not request["hyps"]:
        return []
    scores = scorer.score(request["hyps"], request["refs"], batch_size=request["batch_size"])
    return [part.tolist() for part in scores]


def _versions(_: Any, request: Request) -> dict[str, str]:
    from importlib.metadata import version

    import bert_score  # noqa: F401
    import f1chexbert  # noqa: F401
    import radgraph  # noqa: F401

    return {name: version(name) for name in request["packages"]}


TASKS: dict[str, tuple[Callable[[Request], Any], Callable[[Any, Request], Any]]] = {
    "versions": (lambda request: None, _versions),
    "radgraph": (_radgraph, _annotate),
    "radgraph_rewards": (_radgraph, _rewards),
    "chexbert_labels": (_chexbert, _labels),
    "chexbert_vectors": (_chexbert, _vectors),
    "chexbert_f1": (_chexbert, _chexbert_f1),
    "bertscore": (_bertscore, _bert_scores),
}

if __name__ == "__main__":
    main()
