"""Checkpoints that hold half of one model and half of another, or nearly nothing of one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import models
from models.errors import InputError, MissingError
from models.libra.reporter import LibraReporter
from tests.models.libra.golden_models import copied

PREFIX = "base_model.model.model.mm_projector."
TOWER = "model.vision_tower.vision_tower."


def loaded(folder: Path, base: Path | None = None) -> LibraReporter:
    return models.load(folder, base=base, device="cpu", dtype="float32")


def test_half_a_connector_beside_an_adapter_is_not_filled_up_from_the_base(tmp_path: Path) -> None:
    copy = copied("lora", tmp_path)
    file = copy / "non_lora_trainables.bin"
    tensors = torch.load(file, weights_only=True)
    lost = next(name for name in tensors if name.endswith("mlp_final.6.weight"))
    torch.save({k: v for k, v in tensors.items() if k != lost}, file)
    with pytest.raises(InputError, match=r"missing +model\.mm_projector\.mlp_final\.6\.weight"):
        loaded(copy, copy.parent / "libra-v1.0-tiny")


@pytest.mark.parametrize("name", ["model.bogus.weight", "bogus"])
def test_what_a_projector_file_holds_besides_is_reported(name: str, tmp_path: Path) -> None:
    copy = copied("projector_only", tmp_path)
    file = copy / "mm_projector.bin"
    torch.save({**torch.load(file, weights_only=True), name: torch.zeros(2)}, file)
    with pytest.raises(InputError, match=f"unexpected +{name}"):
        loaded(copy, copy.parent / "tiny-vicuna-base")


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    copy = copied("full", tmp_path)
    (copy / "tokenizer.model").unlink()
    with pytest.raises(MissingError, match="holds no tokenizer"):
        loaded(copy)


def _with(copy: Path, **tensors: torch.Tensor) -> None:
    file = sorted(copy.glob("model-*.safetensors"))[0]
    save_file({**load_file(file), **tensors}, file, metadata={"format": "pt"})


def test_a_tied_head_is_the_embeddings_whatever_the_file_holds(tmp_path: Path) -> None:
    copy = copied("full_3b", tmp_path)
    _with(copy, **{"lm_head.weight": torch.ones(480, 48, dtype=torch.float16)})
    language_model = loaded(copy).model.language_model
    embeddings = language_model.get_input_embeddings().weight
    assert torch.equal(embeddings, language_model.lm_head.weight)
    _with(copy, **{"lm_head.weight": torch.ones(3, 3, dtype=torch.float16)})
    with pytest.raises(InputError, match=r"wrong shape +lm_head\.weight \[3, 3\]"):
        loaded(copy)


def test_a_tower_that_is_not_read_may_hold_nothing_strange(tmp_path: Path) -> None:
    copy = copied("full", tmp_path)
    _with(copy, **{f"{TOWER}bogus": torch.zeros(2)})
    with pytest.raises(InputError, match=rf"unexpected +{TOWER}bogus"):
        loaded(copy)


@pytest.mark.parametrize("prefix", ["mm_projector.", "module.base_model.model.model.mm_projector."])
def test_a_side_file_may_name_its_projector_under_any_prefix(prefix: str, tmp_path: Path) -> None:
    copy = copied("lora", tmp_path)
    file, base = copy / "non_lora_trainables.bin", copy.parent / "libra-v1.0-tiny"
    whole = loaded(copy, base).model.mm_projector.state_dict()
    tensors = torch.load(file, weights_only=True)
    torch.save(
        {prefix + name.partition("mm_projector.")[2]: v for name, v in tensors.items()}, file
    )
    found = loaded(copy, base).model.mm_projector.state_dict()
    assert all(torch.equal(whole[name], found[name]) for name in whole)
