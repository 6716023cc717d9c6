"""Damaged, incomplete and hostile checkpoints: one error that says what is wrong, nothing run."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import models
from models.errors import InputError, MissingError
from tests.models.libra.golden_models import copied

Tensors = dict[str, Tensor]
BASES = {"lora": "libra-v1.0-tiny", "projector_only": "tiny-vicuna-base"}


def load(folder: Path) -> None:
    base = BASES.get(folder.parent.name)
    models.load(folder, base=folder.parent / base if base else None, device="cpu", dtype="float32")


def refused(folder: Path, kind: type[Exception] = InputError) -> str:
    with pytest.raises(kind) as problem:
        load(folder)
    return str(problem.value)


def altered(file: Path, change: Callable[[Tensors], None]) -> None:
    """Change the tensors of a file."""
    if file.suffix == ".safetensors":
        tensors = load_file(file)
        change(tensors)
        save_file(tensors, file)
    else:
        tensors = torch.load(file, weights_only=True)
        change(tensors)
        torch.save(tensors, file)


def holding(folder: Path, name: str) -> Path:
    """Return the file of a folder that holds a tensor."""
    for file in sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")]):
        safe = file.suffix == ".safetensors"
        tensors = load_file(file) if safe else torch.load(file, weights_only=True)
        if name in tensors:
            return file
    raise KeyError(name)


def configured(folder: Path, **settings: Any) -> Path:
    file = folder / "config.json"
    content = {**json.loads(file.read_text()), **settings}
    kept = {name: value for name, value in content.items() if value is not ...}
    file.write_text(json.dumps(kept))
    return folder


PLACES = {
    "language model": ("full", "", "model.layers.1.mlp.up_proj.weight"),
    "tied language model": ("full_3b", "", "model.embed_tokens.weight"),
    "pickled language model": ("medcxrgen", "", "model.norm.weight"),
    "projector": ("full", "", "model.mm_projector.cros_attention.bias_k"),
    "mlp projector": ("medcxrgen", "", "model.mm_projector.projector.2.weight"),
    "projector alone": ("projector_only", "", "model.mm_projector.LFE.0.fc1.bias"),
    "tower inside": (
        "llavamed_mistral",
        "",
        "model.vision_tower.vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias",
    ),
    "tower in its folder": ("full", "../tiny-rad-dino", "encoder.layer.3.norm1.weight"),
    "base below an adapter": ("lora", "../libra-v1.0-tiny", "model.layers.0.mlp.up_proj.weight"),
    "adapter": (
        "lora",
        "",
        "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight",
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_table_names_what_is_missing_extra_and_of_a_wrong_shape(
    tmp_path: Path, place: str
) -> None:
    layout, where, name = PLACES[place]
    folder = copied(layout, tmp_path)
    file = holding(folder / where, name)
    shape: list[int] = []

    def misname(tensors: Tensors) -> None:
        tensors[f"{name}x"] = tensors.pop(name)

    def reshape(tensors: Tensors) -> None:
        tensors[name] = torch.zeros(*tensors.pop(f"{name}x").shape, 7)
        shape.extend(tensors[name].shape)

    altered(file, misname)
    told = refused(folder).split("\n")
    assert f"  missing      {name}" in told
    assert f"  unexpected   {name}x" in told
    assert 3 == len(told)
    assert "nothing was loaded" in told[0]
    altered(file, reshape)
    told = refused(folder).split("\n")
    assert f"  wrong shape  {name} {shape}, needed {shape[:-1]}" in told
    assert 2 == len(told)


@pytest.mark.parametrize("place", PLACES)
def test_weights_that_are_no_finite_floats_are_named(tmp_path: Path, place: str) -> None:
    layout, where, name = PLACES[place]
    folder = copied(layout, tmp_path)
    file = holding(folder / where, name)
    own = name.removeprefix("model.mm_projector.")

    def spoil(tensors: Tensors) -> None:
        tensors[name].view(-1)[-1] = float("nan")

    def quantise(tensors: Tensors) -> None:
        tensors[name] = torch.zeros(tensors[name].shape, dtype=torch.int8)

    altered(file, spoil)
    told = refused(folder)
    assert file.name in told
    assert f"{own} holds numbers that are not finite" in told
    altered(file, quantise)
    assert f"{own} holds int8, not floats" in refused(folder)


def test_an_unknown_shape_of_images_is_read_as_the_original_does_and_said(tmp_path: Path) -> None:
    folder = configured(copied("full", tmp_path), image_aspect_ratio="anyres")
    square = configured(copied("full", tmp_path / "square"), image_aspect_ratio="square")
    found, expected = (models.load(one, device="cpu", dtype="float32") for one in (folder, square))
    (note,) = found.record["notes"]
    assert "image_aspect_ratio 'anyres' of config.json is neither pad nor square" in note
    assert [] == expected.record["notes"]
    wide = np.arange(40 * 90, dtype=np.uint8).reshape(40, 90)
    np.testing.assert_array_equal(expected.preprocess(wide), found.preprocess(wide))


def test_a_long_table_is_cut(tmp_path: Path) -> None:
    folder = configured(copied("full", tmp_path), num_hidden_layers=9)
    told = refused(folder).split("\n")
    assert 1 + 12 + 1 == len(told)
    assert "  missing      … and" in told[-1]


class Bomb:
    """A pickle that would write a file when it is opened."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("medcxrgen", "pytorch_model-00001-of-00002.bin"),
        ("projector_only", "mm_projector.bin"),
        ("projector_only", "../tiny-vicuna-base/pytorch_model.bin"),
        ("lora", "non_lora_trainables.bin"),
        ("lora", "adapter_model.bin"),
    ],
)
def test_code_in_a_pickle_does_not_run(tmp_path: Path, layout: str, name: str, writer: str) -> None:
    folder, marker = copied(layout, tmp_path), tmp_path / "it-ran"
    file = folder / name
    assert file.is_file()
    content = {"model.norm.weight": Bomb(marker)}
    if writer == "torch":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content, protocol=2))
    told = refused(folder)
    assert file.name in told
    assert "Nothing of it was run" in told
    assert not marker.exists()
    pickle.loads(pickle.dumps(Bomb(marker)))
    assert marker.exists()


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("full", "model-00002-of-00003.safetensors"),
        ("full", "../tiny-rad-dino/model.safetensors"),
        ("medcxrgen", "pytorch_model-00002-of-00002.bin"),
        ("projector_only", "mm_projector.bin"),
        ("lora", "adapter_model.bin"),
    ],
)
@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_a_damaged_weight_file_is_named(
    tmp_path: Path, layout: str, name: str, damage: str
) -> None:
    folder = copied(layout, tmp_path)
    file, content = folder / name, (folder / name).read_bytes()
    broken = {"truncated": content[: len(content) * 2 // 3], "empty": b"", "text": b"<html>no\n"}
    file.write_bytes(broken[damage])
    told = refused(folder)
    assert file.name in told
    assert "ownload it again" in told or "refused" in told


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = copied("full", tmp_path)
    (folder / "model-00002-of-00003.safetensors").unlink()
    told = refused(folder, MissingError)
    assert "model-00002-of-00003.safetensors is not there" in told


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/hostname", "a/b.safetensors"])
def test_an_index_cannot_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = copied("full", tmp_path)
    file = folder / "model.safetensors.index.json"
    index = json.loads(file.read_text())
    index["weight_map"]["model.norm.weight"] = name
    file.write_text(json.dumps(index))
    assert "names a file outside its folder" in refused(folder)


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": []}}'])
def test_a_damaged_index_is_named(tmp_path: Path, content: str) -> None:
    folder = copied("full", tmp_path)
    (folder / "model.safetensors.index.json").write_text(content)
    assert "model.safetensors.index.json is no index of weights" in refused(folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is no JSON that can be read"),
        ("{'a': 1}", "is no JSON that can be read"),
        ("[1]", "holds no JSON object"),
        ("{}", "model_type 'None' is not of the Libra family"),
        ('{"model_type": "llava_next"}', "Use the adapter vision_language"),
    ],
)
def test_a_config_that_is_none_is_refused(tmp_path: Path, content: str, told: str) -> None:
    folder = copied("full", tmp_path)
    (folder / "config.json").write_text(content)
    assert told in refused(folder)


def test_a_folder_without_config_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"There is no .*config\.json"):
        load(tmp_path)


SETTINGS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no tower": ("full", {"mm_vision_tower": ...}, "names no vision tower"),
    "tower of no name": ("full", {"mm_vision_tower": ""}, "no name of a vision tower"),
    "tower that is a number": ("full", {"mm_vision_tower": 3}, "no name of a vision tower"),
    "no words": ("full", {"vocab_size": 0}, "config.json"),
    "null tower": ("full", {"mm_vision_tower": None}, "names no vision tower"),
    "unknown projector": ("full", {"mm_projector_type": "qformer"}, "mm_projector_type 'qformer'"),
    "identity projector": ("medcxrgen", {"mm_projector_type": "identity"}, "'identity'"),
    "MLP over all layers": (
        "medcxrgen",
        {"mm_vision_select_layer": "all"},
        "is 'all', but the projector mlp2x_gelu reads one layer",
    ),
    "TAC over one layer": (
        "full",
        {"mm_vision_select_layer": -1},
        "is -1, but the projector TAC reads all",
    ),
    "layer in words": (
        "full",
        {"mm_vision_select_layer": "last"},
        "is 'last', but the projector TAC",
    ),
    "no layer": ("medcxrgen", {"mm_vision_select_layer": "last"}, "neither a whole number nor"),
    "layer that is not there": ("medcxrgen", {"mm_vision_select_layer": -9}, "has no layer -9"),
    "feature": ("full", {"mm_vision_select_feature": "mean"}, "neither patch nor cls_patch"),
    "heads do not divide": (
        "full",
        {"num_attention_heads": 5},
        "not a multiple of the number of attention heads (5)",
    ),
    "no heads": ("full", {"num_attention_heads": 0}, "config.json"),
    "negative size": ("full", {"hidden_size": -4}, "config.json"),
    "words for a size": ("full", {"hidden_size": "wide"}, "config.json"),
    "MAIRA": ("full", {"use_maira_feature_norm": True}, "MAIRA-2"),
    "OpenCLIP": ("full", {"mm_vision_tower": "hf-hub:microsoft/x"}, "OpenCLIP towers are not"),
    "OpenCLIP by file": ("full", {"mm_vision_tower_config": "b.json"}, "OpenCLIP towers are not"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, name: str) -> None:
    layout, settings, told = SETTINGS[name]
    assert told in refused(configured(copied(layout, tmp_path), **settings))


def test_a_tower_that_is_nowhere_is_missing(tmp_path: Path) -> None:
    folder = copied("full", tmp_path)
    shutil.rmtree(folder.parent / "tiny-rad-dino")
    told = refused(folder, MissingError)
    assert "'tiny-rad-dino'" in told
    assert "hf download tiny-rad-dino" in told


def test_a_tower_of_another_kind_is_refused(tmp_path: Path) -> None:
    folder = copied("full", tmp_path)
    configured(folder.parent / "tiny-rad-dino", model_type="vit")
    assert "has model_type 'vit'. Supported are Dinov2" in refused(folder)


def test_a_known_tower_whose_weights_are_not_here_is_missing(tmp_path: Path) -> None:
    folder = configured(copied("full", tmp_path), mm_vision_tower="microsoft/rad-dino")
    assert "`hf download microsoft/rad-dino`" in refused(folder, MissingError)


def test_a_base_too_many_or_too_few_is_told(tmp_path: Path) -> None:
    full, lora = copied("full", tmp_path), copied("lora", tmp_path)
    projector = copied("projector_only", tmp_path)
    with pytest.raises(InputError, match=r"is a whole checkpoint\. Leave base out"):
        models.load(full, base=lora.parent / "libra-v1.0-tiny")
    with pytest.raises(InputError, match="Give the language model it stands on as base"):
        models.load(projector)
    with pytest.raises(MissingError, match="holds no weights of a whole model"):
        models.load(projector, base=tmp_path)


def test_an_adapter_names_its_own_base(tmp_path: Path) -> None:
    lora = copied("lora", tmp_path)
    notes = models.load(lora, device="cpu", dtype="float32").record["notes"]
    assert ["the base is the one that adapter_config.json names (libra-v1.0-tiny)"] == notes
    file = lora / "adapter_config.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps({**settings, "base_model_name_or_path": None}))
    with pytest.raises(InputError, match="Give the base it was trained on"):
        models.load(lora)


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["no_such_layer"]},
        {"peft_type": "NONSENSE"},
        {"r": -1},
        {"r": "four"},
        {"bias": "some"},
        {"rank_pattern": None},
    ],
)
def test_adapter_settings_that_do_not_fit_are_refused(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    lora = copied("lora", tmp_path)
    file = lora / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
    assert "adapter_config.json does not fit the base model" in refused(lora)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("mm_use_im_start_end", "false", "neither true nor false"),
        ("unfreeze_mm_vision_tower", 1, "neither true nor false"),
        ("harness_context_sections", "indication", "no list of names"),
        ("harness_context_sections", 3, "no list of names"),
        ("harness_template", "mine", "names no conversation template"),
        ("harness_template", ["libra_v1"], "names no conversation template"),
        ("hidden_size", 10**12, "make no 'TAC' model"),
        ("mm_projector_type", "mlp99999999x_gelu", "mm_vision_select_layer is 'all'"),
    ],
)
def test_a_field_of_a_wrong_kind_is_named(
    tmp_path: Path, name: str, value: object, problem: str
) -> None:
    said = refused(configured(copied("full", tmp_path), **{name: value}))
    assert problem in said
    assert "config.json" in said
