"""Adapters of peft: every kind that peft saves merges to what peft computes."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import peft
import pytest
import torch

import models
from models.devices import placement
from models.errors import InputError
from models.libra.checkpoint import find_checkpoint
from models.libra.loading import load_language_model
from tests.models.libra.golden_models import copied, reporter

IDS = torch.tensor([[1, 5, 9, 300]])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_rslora": True},
        {"use_dora": True},
        {"bias": "lora_only"},
        {"modules_to_save": ["embed_tokens", "lm_head"]},
    ],
)
def test_a_merged_adapter_equals_peft(tmp_path: Path, settings: dict[str, Any]) -> None:
    lora = copied("lora", tmp_path)
    base = lora.parent / "libra-v1.0-tiny"
    for name in ("adapter_model.bin", "adapter_config.json"):
        (lora / name).unlink()
    language_model = load_language_model(find_checkpoint(base), placement("cpu", "float32"))
    config = peft.LoraConfig(
        r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", **settings
    )
    with warnings.catch_warnings():  # peft looks for a base by name, and has none
        warnings.simplefilter("ignore")
        wrapped = peft.get_peft_model(language_model, config).eval()
        generator = torch.Generator().manual_seed(1)
        for weight in wrapped.parameters():
            if weight.requires_grad:
                weight.data.normal_(0, 0.05, generator=generator)
        wrapped.save_pretrained(lora)
    with torch.inference_mode():
        expected = wrapped(IDS).logits
        found = models.load(lora, base=base, device="cpu", dtype="float32")
        made = found.model.language_model(IDS).logits
    torch.testing.assert_close(made, expected, rtol=0, atol=2e-5)
    assert not isinstance(found.model.language_model, peft.PeftModel)


def test_an_adapter_under_the_names_of_training_is_the_same(tmp_path: Path) -> None:
    lora = copied("lora", tmp_path)
    file, base = lora / "adapter_model.bin", lora.parent / "libra-v1.0-tiny"
    tensors = torch.load(file, weights_only=True)
    named = {name.replace(".weight", ".default.weight"): t for name, t in tensors.items()}
    torch.save(named, file)
    found = models.load(lora, base=base, device="cpu", dtype="float32").model.language_model
    expected = reporter("lora").model.language_model
    with torch.inference_mode():
        assert torch.equal(expected(IDS).logits, found(IDS).logits)
    named.pop(next(iter(named)))
    torch.save(named, file)
    with pytest.raises(InputError, match=r"missing +base_model\.model\..*lora_A\.weight"):
        models.load(lora, base=base, device="cpu", dtype="float32")
    torch.save({**tensors, **named}, file)
    with pytest.raises(InputError, match=r"twice, with and without '\.default\.'"):
        models.load(lora, base=base, device="cpu", dtype="float32")


def test_an_adapter_elsewhere_finds_the_tower_beside_its_base(tmp_path: Path) -> None:
    lora = copied("lora", tmp_path)
    elsewhere = tmp_path / "elsewhere" / "libra-lora-mine"
    shutil.copytree(lora, elsewhere)
    base = lora.parent / "libra-v1.0-tiny"
    found = models.load(elsewhere, base=base, device="cpu", dtype="float32")
    pixels = torch.rand(1, 3, *[found.model.vision_tower.image_size] * 2)
    assert torch.equal(
        reporter("lora").model.vision_tower(pixels), found.model.vision_tower(pixels)
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"megatron_config": {"tensor_model_parallel_size": 1}, "megatron_core": "its_module"},
        {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 2},
    ],
)
def test_an_adapter_of_another_kind_is_refused_and_imports_nothing(
    tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "it-ran"
    (tmp_path / "its_module.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    lora = copied("lora", tmp_path)
    file = lora / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
    with pytest.raises(InputError, match=r"adapter_config\.json does not fit"):
        models.load(lora, base=lora.parent / "libra-v1.0-tiny", device="cpu", dtype="float32")
    assert not marker.exists()
