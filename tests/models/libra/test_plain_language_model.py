import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from models.errors import InputError, MissingError
from models.libra.plain_language_model import plain_language_model

EXTRA = {
    "model.mm_projector.LFE_prior_bias": torch.zeros(()),
    "model.vision_tower.vision_tower.layernorm.weight": torch.ones(5, dtype=torch.bfloat16),
}


def language_model(**settings: Any) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=33,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        **settings,
    )
    return LlamaForCausalLM(config).eval().to(torch.bfloat16)


def checkpoint(folder: Path, model: LlamaForCausalLM, pickled: bool = False) -> Path:
    """A Libra folder: shard 1 holds language alone, shard 2 both, shard 3 none."""
    folder.mkdir()
    settings = {**model.config.to_dict(), "model_type": "libra", "mm_projector_type": "linear"}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "tokenizer_config.json").write_text("{}")
    tensors = {name: t.clone() for name, t in model.state_dict().items()}
    names = sorted(tensors)
    projector, tower = EXTRA
    shards = [
        {name: tensors[name] for name in names[:4]},
        {projector: EXTRA[projector], **{name: tensors[name] for name in names[4:]}},
        {tower: EXTRA[tower]},
    ]
    places: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        file = f"shard-{number}.{'bin' if pickled else 'safetensors'}"
        (torch.save if pickled else save_file)(shard, folder / file)
        places |= dict.fromkeys(shard, file)
    index = "pytorch_model.bin" if pickled else "model.safetensors"
    (folder / f"{index}.index.json").write_text(json.dumps({"weight_map": places}))
    return folder


@pytest.fixture
def full(tmp_path: Path) -> Path:
    return checkpoint(tmp_path / "libra-v1.0-tiny", language_model())


@pytest.mark.parametrize("pickled", [False, True], ids=["safetensors", "bin"])
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_transformers_loads_the_view_as_the_plain_model(
    tmp_path: Path, pickled: bool, tied: bool
) -> None:
    model = language_model(tie_word_embeddings=tied)
    view = plain_language_model(checkpoint(tmp_path / "libra", model, pickled), tmp_path / "cache")
    found, report = LlamaForCausalLM.from_pretrained(view, output_loading_info=True)
    assert (set(), set()) == (set(report["missing_keys"]), set(report["unexpected_keys"]))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, found.state_dict()[name])


def test_only_shards_that_hold_something_else_are_written_anew(full: Path, tmp_path: Path) -> None:
    view = plain_language_model(full, tmp_path / "cache")
    first, second = sorted(view.glob("*.safetensors"))
    assert (full / "shard-1.safetensors").resolve() == first.readlink()
    assert not second.is_symlink()
    assert not set(EXTRA) & set(load_file(second))
    assert (full / "tokenizer_config.json").resolve() == (view / "tokenizer_config.json").readlink()


def test_a_view_is_made_once_and_again_after_a_change(full: Path, tmp_path: Path) -> None:
    view = plain_language_model(full, tmp_path / "cache")
    made = (view / "config.json").stat().st_mtime_ns
    assert view == plain_language_model(full, tmp_path / "cache")
    assert made == (view / "config.json").stat().st_mtime_ns
    os.utime(full / "shard-1.safetensors", ns=(1, 1))
    assert view != plain_language_model(full, tmp_path / "cache")


def test_nothing_is_left_of_a_view_that_could_not_be_made(full: Path, tmp_path: Path) -> None:
    shard = full / "shard-2.safetensors"
    shard.write_bytes(shard.read_bytes()[:-8])
    with pytest.raises(InputError, match=r"shard-2\.safetensors is no whole safetensors file"):
        plain_language_model(full, tmp_path / "cache")
    assert [] == list((tmp_path / "cache" / "language_models").iterdir())


@pytest.mark.parametrize("content", [b"", b"\x05", b"\xff" * 20, b"\x02" + bytes(7) + b"[]"])
def test_a_file_of_other_bytes_is_refused(full: Path, tmp_path: Path, content: bytes) -> None:
    (full / "shard-3.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="no whole safetensors file"):
        plain_language_model(full, tmp_path / "cache")


def test_missing_weights_are_said_to_be_missing(full: Path, tmp_path: Path) -> None:
    (full / "model.safetensors.index.json").unlink()
    with pytest.raises(MissingError, match="no weights of a whole model"):
        plain_language_model(full, tmp_path / "cache")


def test_a_plain_language_model_is_returned_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    assert tmp_path == plain_language_model(tmp_path, tmp_path / "cache")
