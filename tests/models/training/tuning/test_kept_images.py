"""What is kept of images on disk changes the time of a run, and none of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from models.images.feature_cache import feature_folder
from models.training.tuning.image_cache import image_folder
from models.training.tuning.run import tune
from tests.models.training.tuning.toy_run import data_in, recipe, stage, weights_in


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trained(output: Path, **kept: Any) -> dict[str, torch.Tensor]:
    one = stage("findings", "projector", evaluate_every=100, **kept)
    tune(recipe(one), data_in(output.parent / "data"), output)
    return weights_in(output / "findings")


@pytest.mark.parametrize(
    ("kept", "folder"),
    [({"image_cache_gb": 0.1}, image_folder), ({"feature_cache": True}, feature_folder)],
    ids=["images", "features"],
)
def test_kept_images_give_the_weights_of_decoded_ones(
    kept: dict[str, Any], folder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "cache"))
    decoded = trained(tmp_path / "decoded")
    assert not folder().exists()
    filling, filled = (trained(tmp_path / name, **kept) for name in ("filling", "filled"))
    assert any(folder().rglob("*"))
    for name, tensor in decoded.items():
        torch.testing.assert_close(filling[name], tensor, atol=2e-6, rtol=0)
        assert torch.equal(filling[name], filled[name])
