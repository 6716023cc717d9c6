"""`merge`: full weights of a published LoRA folder."""

from __future__ import annotations

import json
from pathlib import Path

import models
from tests.cli.conftest import Run
from tests.models.libra.golden_models import base, folder


def test_merge_makes_a_checkpoint_that_stands_alone(run: Run, tmp_path: Path) -> None:
    words = ["merge", "--model", folder("lora"), "--base", base("lora")]
    ended = run(*words, "--output", tmp_path / "whole")
    assert 0 == ended.status, ended.err
    assert ended.out.startswith(f"checkpoint: {tmp_path / 'whole'} (")
    assert ended.out.endswith(" MB in 1 files)\n")
    assert "full" == models.load(tmp_path / "whole").record["layout"]
    ended = run(*words, "--output", tmp_path / "half", "--dtype", "float16", "--json")
    content = json.loads(ended.out)
    assert str(tmp_path / "half") == content["checkpoint"]
    size_bytes = (tmp_path / "half" / "model.safetensors").stat().st_size
    assert size_bytes == content["size_bytes"]


def test_merge_ends_in_one_message(run: Run, tmp_path: Path) -> None:
    output = ["--output", tmp_path / "whole"]
    ended = run("merge", "--model", folder("full"), *output)
    assert 2 == ended.status
    assert "is whole already" in ended.err
    ended = run("merge", "--model", folder("lora"), "--base", tmp_path, *output)
    assert 3 == ended.status
    assert f"Error: The base {tmp_path} holds no weights of a whole model.\n" == ended.err
    assert 2 == run("merge", "--model", folder("lora")).status
