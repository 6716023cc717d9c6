"""A small Libra decoded by vLLM and by transformers; run by `make test-vllm`."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from models.libra.projectors import TemporalAlignmentConnector
from models.loading import load
from tests.models.random_models import randomised

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(find_spec("vllm") is None, reason="needs vLLM (make install-vllm)"),
    pytest.mark.filterwarnings("ignore"),
]

TINY = Path(__file__).parents[2] / "golden" / "libra_e2e" / "full"
HEADS, WIDTH, TOWER_WIDTH = 4, 128, 24


def scaled(module: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Random tensors under which texts vary with the images."""
    randomised(module, 0.2, seed)
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def projector(seed: int) -> dict[str, torch.Tensor]:
    tensors = scaled(TemporalAlignmentConnector(TOWER_WIDTH, WIDTH, HEADS), seed)
    return {f"model.mm_projector.{name}": tensor for name, tensor in tensors.items()}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full checkpoint with the tower and tokenizer of a golden one, and heads of 32."""
    root = tmp_path_factory.mktemp("checkpoints")
    shutil.copytree(TINY / "tiny-rad-dino", root / "tiny-rad-dino")
    folder = root / "libra-v1.0-small"
    folder.mkdir()
    for file in (TINY / "libra-v1.0-tiny").iterdir():
        if "model-" not in file.name and "index" not in file.name:
            shutil.copy(file, folder)
    settings = json.loads((folder / "config.json").read_text())
    sizes = {
        "hidden_size": WIDTH,
        "head_dim": WIDTH // HEADS,
        "intermediate_size": 192,
        "num_hidden_layers": 4,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
    }
    (folder / "config.json").write_text(json.dumps({**settings, **sizes}))
    language_model = LlamaForCausalLM(LlamaConfig(vocab_size=settings["vocab_size"], **sizes))
    save_file({**scaled(language_model, 0), **projector(1)}, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def lora(full: Path) -> Path:
    """An adapter over the full checkpoint, with another projector beside it."""
    from peft import LoraConfig, get_peft_model

    folder = full.parent / "libra-lora-small"
    base = LlamaForCausalLM(LlamaConfig.from_pretrained(full, model_type="llama"))
    adapted = get_peft_model(
        base, LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "o_proj", "up_proj"])
    )
    generator = torch.Generator().manual_seed(2)
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            weight.data.normal_(0, 0.2, generator=generator)
    adapted.save_pretrained(str(folder))
    shutil.copy(full / "config.json", folder)
    wrapped = {f"base_model.model.{name}": tensor for name, tensor in projector(3).items()}
    torch.save(wrapped, folder / "non_lora_trainables.bin")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "cache"))


def studies() -> list[tuple[np.ndarray, np.ndarray | None]]:
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 256, (60, 50), dtype=np.uint8) for _ in range(5)]
    return [(pictures[0], pictures[1]), (pictures[2], None), (pictures[3], pictures[4])]


@contextmanager
def loaded(folder: Path, engine: str, **settings: Any) -> Iterator[Callable[..., Any]]:
    model = load(folder, engine=engine, device="cpu", dtype="float32", **settings)
    with closing(model.engines):
        yield lambda **options: [
            [(one.token_ids, one.text, one.finish_reason) for one in reports]
            for current, prior in studies()
            for reports in [model.report(current, prior, max_new_tokens=24, **options)]
        ]


@pytest.mark.parametrize("layout", ["full", "lora"])
def test_greedy_texts_equal_those_of_the_transformers_engine(
    layout: str, full: Path, lora: Path
) -> None:
    folder, settings = (full, {}) if layout == "full" else (lora, {"base": full})
    found = {}
    for engine in ("transformers", "vllm"):
        with loaded(folder, engine, **settings) as reports:
            found[engine] = [reports(), reports(no_repeat_ngram_size=1)]
    assert found["transformers"] == found["vllm"]
    plain, without_repeats = found["vllm"]
    assert 3 == len({str(one) for one in plain})
    assert plain != without_repeats


def test_beams_go_to_the_transformers_engine_and_this_is_said(
    full: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"num_beams": 3, "length_penalty": 2.0}
    with loaded(full, "transformers") as reports:
        expected = reports(**options)
    with loaded(full, "vllm") as reports, caplog.at_level(logging.WARNING):
        assert expected == reports(**options)
    said = [record.message for record in caplog.records if "beam search" in record.message]
    assert [
        "vLLM has no beam search over prompt embeddings, so num_beams 3 goes to the "
        "transformers engine."
    ] == said
