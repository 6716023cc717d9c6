"""The demo's headline on phantoms that nothing was trained or chosen on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from harness.spec import find_benchmark
from tests.cli.conftest import Run

BETTER_THAN_CONSTANT = ("bleu4", "rougeL", "cider", "temporal_direction_f1")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 31337])
def test_the_small_libra_uses_its_prior_image(seed: int, tmp_path: Path, run: Run) -> None:
    content = yaml.safe_load(find_benchmark("demo").read_text(encoding="utf-8"))
    content["data"]["seed"] = seed
    content["output"] = str(tmp_path / "run")
    file = tmp_path / "demo.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert 0 == run("run", file).status
    scores = json.loads((tmp_path / "run" / "scores.json").read_text(encoding="utf-8"))
    systems = {
        name: {metric: found["score"] for metric, found in system["metrics"].items()}
        for name, system in scores["systems"].items()
    }
    real = systems["libra-phantom"]
    assert all(real[name] > (systems["constant"][name] or 0.0) for name in BETTER_THAN_CONSTANT)
    assert real["temporal_direction_f1"] >= 0.75
    for other in ("dummy", "shuffled"):
        assert systems[f"libra-phantom@{other}"]["temporal_direction_f1"] < 0.55
        gain = scores["prior_gain"]["libra-phantom"][other]["temporal_direction_f1"]
        assert gain["low"] > 0
    assert real["temporal_direction_f1"] > systems["mlp-phantom"]["temporal_direction_f1"]
