"""A weights folder, a home and a cache of a test's own, with small weights in official layouts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
SMALL = {
    "radgraph.tar.gz": GOLDEN / "radgraph" / "radgraph" / "radgraph.tar.gz",
    "pubmedbert": GOLDEN / "radgraph" / "radgraph" / "tiny-encoder",
    "chexbert.pth": GOLDEN / "chexbert" / "chexbert.pth",
    "bert-base": GOLDEN / "chexbert" / "bert-base-uncased",
}


@pytest.fixture
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty weights folder; there are no weights elsewhere on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXR_HARNESS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


@pytest.fixture
def small_weights(nothing_here: Path) -> Path:
    """Return a weights folder with small ones of RadGraph and CheXbert."""
    for name, source in SMALL.items():
        (shutil.copytree if source.is_dir() else shutil.copy)(source, nothing_here / name)
    return nothing_here
