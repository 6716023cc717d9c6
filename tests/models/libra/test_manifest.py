"""Names and shapes of the published checkpoints, at their real size, without their weights."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from models.errors import InputError
from models.libra.checkpoint import find_checkpoint
from models.libra.config import LibraConfig, read_config
from models.libra.loading import check_files
from models.libra.manifest import official_keys
from tests.models.libra.golden_models import copied

LLAMA_7B = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
    "tie_word_embeddings": False,
}
RAD_DINO = {
    "mm_vision_tower": "microsoft/rad-dino",
    "mm_projector_type": "TAC",
    "mm_hidden_size": 768,
    "mm_vision_select_layer": "all",
}
CLIP_L = {
    "mm_vision_tower": "openai/clip-vit-large-patch14-336",
    "mm_projector_type": "mlp2x_gelu",
    "mm_hidden_size": 1024,
    "mm_vision_select_layer": -2,
}
LIBRA_7B = {"model_type": "libra", **LLAMA_7B, **RAD_DINO}
LIBRA_3B = {
    "model_type": "libra",
    **RAD_DINO,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 28,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128256,
    "tie_word_embeddings": True,
}
MED_CXRGEN = {"model_type": "libra", **LLAMA_7B, **CLIP_L}
LLAVA_MED = {
    **LLAMA_7B,
    **CLIP_L,
    "model_type": "llava_mistral",
    "intermediate_size": 14336,
    "num_key_value_heads": 8,
}


def config(tmp_path: Path, settings: dict[str, Any]) -> LibraConfig:
    (tmp_path / "config.json").write_text(json.dumps(settings))
    return read_config(tmp_path)


def count(keys: dict[str, tuple[int, ...]], part: str = "") -> int:
    return sum(math.prod(shape) for name, shape in keys.items() if name.startswith(part))


def test_libra_7b(tmp_path: Path) -> None:
    keys = official_keys(config(tmp_path, LIBRA_7B))
    assert 291 + 54 == len(keys)
    assert 6_738_415_616 + 61_773_111 == count(keys)
    assert 61_773_111 == count(keys, "model.mm_projector.")
    assert () == keys["model.mm_projector.LFE_prior_bias"]
    assert (6, 12, 1, 1) == keys["model.mm_projector.LFE.0.fc1.weight"]
    assert (2304, 768) == keys["model.mm_projector.cros_attention.in_proj_weight"]
    assert (4096, 768) == keys["model.mm_projector.mlp_final.0.weight"]
    assert (32000, 4096) == keys["lm_head.weight"] == keys["model.embed_tokens.weight"]
    assert (11008, 4096) == keys["model.layers.31.mlp.up_proj.weight"]
    assert not [name for name in keys if "vision_tower" in name]


def test_libra_3b_has_tied_embeddings_once(tmp_path: Path) -> None:
    keys = official_keys(config(tmp_path, LIBRA_3B))
    assert 38_962_487 == count(keys, "model.mm_projector.")
    assert 3_212_749_824 + 38_962_487 == count(keys)
    assert "lm_head.weight" not in keys
    assert (1024, 3072) == keys["model.layers.27.self_attn.k_proj.weight"]


def test_med_cxrgen_has_llava_s_projector_under_libra_s_names(tmp_path: Path) -> None:
    keys = official_keys(config(tmp_path, MED_CXRGEN))
    projector = {name: shape for name, shape in keys.items() if "mm_projector" in name}
    assert {
        "model.mm_projector.projector.0.weight": (4096, 1024),
        "model.mm_projector.projector.0.bias": (4096,),
        "model.mm_projector.projector.2.weight": (4096, 4096),
        "model.mm_projector.projector.2.bias": (4096,),
    } == projector
    assert 6_738_415_616 + 20_979_712 == count(keys)


def test_llava_med_has_its_own_tower_inside_under_the_names_of_transformers_4(
    tmp_path: Path,
) -> None:
    keys = official_keys(config(tmp_path, LLAVA_MED))
    tower = "model.vision_tower.vision_tower.vision_model."
    assert 303_507_456 == count(keys, tower)
    assert 391 == sum(name.startswith(tower) for name in keys)
    assert (1024, 3, 14, 14) == keys[f"{tower}embeddings.patch_embedding.weight"]
    assert (577, 1024) == keys[f"{tower}embeddings.position_embedding.weight"]
    assert (4096, 1024) == keys[f"{tower}encoder.layers.23.mlp.fc1.weight"]
    assert (4096, 1024) == keys["model.mm_projector.0.weight"]
    assert (4096, 4096) == keys["model.mm_projector.2.weight"]
    assert 7_241_732_096 + 20_979_712 + 303_507_456 == count(keys)


def test_a_converted_llava_med_differs_in_the_projector_s_names_alone(tmp_path: Path) -> None:
    settings = {**LLAVA_MED, "model_type": "libra_mistral", "unfreeze_mm_vision_tower": True}
    converted = official_keys(config(tmp_path, settings))
    original = official_keys(config(tmp_path, LLAVA_MED))
    renamed = {
        name.replace("mm_projector.projector.", "mm_projector."): shape
        for name, shape in converted.items()
    }
    assert original == renamed


def test_an_unknown_tower_needs_its_settings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'my-tower' are not known here. Give"):
        official_keys(config(tmp_path, {**LIBRA_7B, "mm_vision_tower": "my-tower"}))


@pytest.mark.parametrize(
    ("layout", "tower"),
    [
        ("full", "tiny-rad-dino"),
        ("full_3b", "tiny-rad-dino"),
        ("llavamed_mistral", "tiny-clip-vit-56"),
    ],
)
def test_the_golden_files_hold_the_official_keys(tmp_path: Path, layout: str, tower: str) -> None:
    folder = copied(layout, tmp_path)
    found = {}
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "numpy") as opened:
            found |= {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    settings = json.loads((folder.parent / tower / "config.json").read_text())
    assert official_keys(read_config(folder), settings) == found


def test_all_that_does_not_fit_is_in_one_table(tmp_path: Path) -> None:
    folder = copied("llavamed_mistral", tmp_path)
    for file in folder.glob("*.safetensors"):
        tensors = load_file(file)
        for name in list(tensors):
            if name.endswith(("norm.weight", "projector.0.bias", "class_embedding")):
                tensors[f"{name}s"] = tensors.pop(name)
        save_file(tensors, file)
    with pytest.raises(InputError) as problem:
        check_files(find_checkpoint(folder))
    for name in (
        "model.norm.weight",
        "model.mm_projector.projector.0.bias",
        "model.vision_tower.vision_tower.vision_model.embeddings.class_embedding",
    ):
        assert f"\n  missing      {name}\n" in f"{problem.value}\n"
        assert f"\n  unexpected   {name}s\n" in f"{problem.value}\n"
