"""A weights folder with a tiny model, in its official layout, for every clinical metric."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics.weights import WEIGHTS

GOLDEN = Path(__file__).parent / "golden"
_LAYERS = 6
"""As many as the real models have: the table of bert-score names a layer of them."""
_COPIED = {
    "radgraph": "radgraph/radgraph/radgraph.tar.gz",
    "pubmedbert": "radgraph/radgraph/tiny-encoder",
    "radgraph-xl": "radgraph/radgraph-xl/radgraph-xl.tar.gz",
    "cxr-bert": "radgraph/radgraph-xl/tiny-encoder",
    "modern-radgraph-xl": "radgraph/modern-radgraph-xl/modern-radgraph-xl.tar.gz",
    "modernbert": "radgraph/modern-radgraph-xl/tiny-encoder",
    "chexbert": "chexbert/chexbert.pth",
    "bert-base": "chexbert/bert-base-uncased",
    "rate-ner": "ratescore/Angelakeke/RaTE-NER-Deberta",
    "biolord": "ratescore/FremyCompany/BioLORD-2023-C",
}
_DEEPER = {"distilbert-base-uncased": "tiny-distilbert", "distilroberta-base": "tiny-roberta"}


@pytest.fixture(scope="module")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let there be tiny weights of every clinical metric, and a cache of the test file's own."""
    folder = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXR_HARNESS_WEIGHTS", str(fill_with_tiny_weights(folder / "weights")))
        patch.setenv("CXR_HARNESS_CACHE", str(folder / "cache"))
        yield


def fill_with_tiny_weights(folder: Path) -> Path:
    """Put tiny weights into a weights folder, and return it; echograph has none."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in _COPIED.items():
        path = GOLDEN / source
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, folder / WEIGHTS[name].place)
    for name, source in _DEEPER.items():
        _write_deeper(GOLDEN / "bertscore" / source, folder / WEIGHTS[name].place)
    return folder


def _write_deeper(source: Path, folder: Path) -> None:
    """Write a random model like the one in ``source``, with more layers."""
    import torch
    from transformers import AutoConfig, AutoModel

    shutil.copytree(source, folder)
    settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
    layers = "n_layers" if "n_layers" in settings else "num_hidden_layers"
    (folder / "config.json").write_text(json.dumps({**settings, layers: _LAYERS}))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModel.from_config(AutoConfig.from_pretrained(folder))
    model.save_pretrained(folder)
