"""Odd checkpoints: one error that says what is wrong, or a note of what was left out."""

import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import models
from models.errors import InputError
from models.libra.projectors import build_projector
from tests.models.libra.golden_models import copied

TAC = "full"
MLP = "llavamed_mistral"


def configured(folder: Path, **settings: Any) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
    return folder


def notes(folder: Path, base: Path | None = None) -> list[str]:
    found = models.load(folder, base=base, device="cpu", dtype="float32").record["notes"]
    assert isinstance(found, list)
    return found


def refused(folder: Path, base: Path | None = None) -> str:
    with pytest.raises(InputError) as problem:
        models.load(folder, base=base, device="cpu", dtype="float32")
    return str(problem.value)


@pytest.mark.parametrize(
    ("layout", "name", "value", "told"),
    [
        (MLP, "mm_vision_select_layer", 1.7, "mm_vision_select_layer is neither a whole number"),
        (MLP, "mm_vision_select_layer", True, "mm_vision_select_layer is neither a whole number"),
        (MLP, "mm_vision_select_layer", "--2", "mm_vision_select_layer is neither a whole"),
        (TAC, "mm_hidden_size", "wide", "mm_hidden_size is no whole number above 0"),
        (TAC, "mm_hidden_size", 0, "mm_hidden_size is no whole number above 0"),
        (TAC, "mm_hidden_size", True, "mm_hidden_size is no whole number above 0"),
        (TAC, "num_hidden_layers", 10**9, "num_hidden_layers 1000000000 is above 1000"),
        (TAC, "num_hidden_layers", 1e12, "num_hidden_layers 1000000000000.0 is above 1000"),
        (MLP, "mm_projector_type", "mlp2x_gelu\n", "Unknown mm_projector_type"),
    ],
)
def test_odd_values_of_config_json_are_named(
    tmp_path: Path, layout: str, name: str, value: object, told: str
) -> None:
    assert told in refused(configured(copied(layout, tmp_path), **{name: value}))


@pytest.mark.parametrize(("name", "size"), [("num_hidden_layers", 10**9), ("image_size", 30_000)])
def test_a_tower_of_an_absurd_size_is_refused_before_it_is_built(
    tmp_path: Path, name: str, size: int
) -> None:
    folder = copied(TAC, tmp_path)
    configured(folder.parent / "tiny-rad-dino", **{name: size})
    assert f"{name} {size} is above" in refused(folder)


def test_a_layer_may_be_written_as_text(tmp_path: Path) -> None:
    assert [] == notes(configured(copied(MLP, tmp_path), mm_vision_select_layer="-2"))


@pytest.mark.parametrize("name", ["_attn_implementation", "attn_implementation"])
def test_how_attention_was_computed_where_a_model_was_saved_does_not_matter(
    tmp_path: Path, name: str
) -> None:
    folder = configured(copied(TAC, tmp_path), **{name: "flash_attention_2"})
    configured(folder.parent / "tiny-rad-dino", **{name: "flash_attention_2"})
    assert [] == notes(folder)


def test_a_width_that_is_not_the_towers_is_noted(tmp_path: Path) -> None:
    (note,) = notes(configured(copied(TAC, tmp_path), mm_hidden_size=1024))
    assert "mm_hidden_size 1024 of config.json is not the vision tower's width 24" in note


def test_a_trained_tower_that_is_not_there_is_noted(tmp_path: Path) -> None:
    (note,) = notes(configured(copied(TAC, tmp_path), unfreeze_mm_vision_tower=True))
    assert "sets unfreeze_mm_vision_tower, but the checkpoint holds no vision tower" in note


def test_a_tied_head_that_differs_is_noted(tmp_path: Path) -> None:
    folder = copied("full_3b", tmp_path)
    file = next(
        one for one in folder.glob("*.safetensors") if "model.embed_tokens.weight" in load_file(one)
    )
    embeddings = load_file(file)["model.embed_tokens.weight"]
    for head, expected in ((embeddings.clone(), 0), (embeddings + 1, 1)):
        save_file({**load_file(file), "lm_head.weight": head}, file, metadata={"format": "pt"})
        found = notes(folder)
        assert expected == len(found)
        assert all("lm_head.weight is left out" in note for note in found)


def test_an_adapter_over_another_base_names_both(tmp_path: Path) -> None:
    folder = copied("lora", tmp_path)
    base = folder.parent / "libra-v1.0-tiny"
    assert [] == notes(folder, base)
    other = base.rename(base.with_name("another-base"))
    assert [f"the base is {other}, but adapter_config.json names libra-v1.0-tiny"] == notes(
        folder, other
    )


@pytest.mark.parametrize(
    ("tensors", "told"), [(None, "there is no non_lora"), ({}, "there is no projector in non_lora")]
)
def test_an_adapter_without_a_projector_says_whose_it_has(
    tmp_path: Path, tensors: dict[str, torch.Tensor] | None, told: str
) -> None:
    folder = copied("lora", tmp_path)
    file = folder / "non_lora_trainables.bin"
    file.unlink()
    if tensors is not None:
        torch.save(tensors, file)
    (note,) = notes(folder, folder.parent / "libra-v1.0-tiny")
    assert note.startswith(told)
    assert note.endswith("so the projector is the base's")


def test_two_projectors_are_told_from_none(tmp_path: Path) -> None:
    folder = copied("projector_only", tmp_path)
    file = folder / "mm_projector.bin"
    base = folder.parent / "tiny-vicuna-base"
    (folder / "my_projector_b.bin").write_bytes(file.read_bytes())
    assert [] == notes(folder, base)
    file.rename(folder / "my_projector_a.bin")
    told = refused(folder, base)
    assert "holds 2 projectors (my_projector_a.bin, my_projector_b.bin)" in told
    assert "Name the one to be read mm_projector.bin" in told


@pytest.mark.parametrize("layout", ["full", "medcxrgen"])
def test_a_folder_whose_name_is_not_in_utf_8_is_named(tmp_path: Path, layout: str) -> None:
    folder = copied(layout, tmp_path)
    odd = Path(os.fsdecode(os.fsencode(folder.parent) + b"/caf\xe9"))
    folder.rename(odd)
    told = refused(odd)
    assert "is not in UTF-8" in told
    assert told.isascii()


def test_a_tensor_in_two_files_of_a_model_is_refused(tmp_path: Path) -> None:
    folder = copied(TAC, tmp_path)
    first, *_, last = sorted(folder.glob("*.safetensors"))
    name = next(iter(load_file(first)))
    save_file({**load_file(last), name: load_file(first)[name] + 1}, last)
    told = refused(folder)
    assert f"{last} holds {name}, which a file before it holds too" in told


def test_a_projector_without_a_type_is_an_error_of_ours() -> None:
    with pytest.raises(InputError, match="kind must be str, not NoneType"):
        build_projector(None, 8, 16, 2)  # type: ignore[arg-type]


def test_a_pickle_of_a_new_protocol_is_refused_by_one_message(tmp_path: Path) -> None:
    folder = copied("medcxrgen", tmp_path)
    file = sorted(folder.glob("*.bin"))[0]
    torch.save(torch.load(file, weights_only=True), file, pickle_protocol=4)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        told = refused(folder)
    assert f"{file} is refused" in told
    assert [] == [str(one.message) for one in heard if "protocol" in str(one.message)]
