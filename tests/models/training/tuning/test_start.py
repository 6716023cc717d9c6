"""What a stage's learner is made of, from every layout of a start."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from models.errors import InputError, MissingError
from models.training.tuning.learner import Learner
from models.training.tuning.saving import save_stage
from tests.models.libra.golden_models import GOLDEN, copied
from tests.models.libra.golden_models import folder as golden
from tests.models.training.tuning.start_points import (
    TOWERS,
    batch,
    new_projector,
    plain_model,
    recipe,
    reporter,
    started,
    trained,
)

ADAPTED = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def free(learner: Learner) -> dict[str, int]:
    """Return how many numbers are trainable, by part."""
    counts = {"projector": 0, "lora": 0, "others": 0}
    for name, parameter in learner.named_parameters():
        part = "projector" if "mm_projector" in name else "lora" if "lora_" in name else "others"
        counts[part] += parameter.numel() if parameter.requires_grad else 0
    return counts


@pytest.mark.parametrize(
    ("trains", "parts"),
    [
        (["projector"], {"projector"}),
        (["lora"], {"lora"}),
        (["projector", "lora"], {"projector", "lora"}),
        (["language_model"], {"others"}),
        (["projector", "language_model"], {"projector", "others"}),
    ],
)
def test_a_stage_frees_what_it_trains_and_nothing_else(
    tmp_path: Path, trains: list[str], parts: set[str]
) -> None:
    learner = started(recipe(new_projector(tmp_path, "libra"), {"trains": trains})).learner
    assert parts == {part for part, count in free(learner).items() if count}
    named = dict(learner.named_parameters())
    whole = [one for name, one in named.items() if name.startswith("language_model.")]
    if "language_model" in trains:
        assert all(one.requires_grad for one in whole)


def test_adapters_stand_on_all_linear_layers_but_the_head(tmp_path: Path) -> None:
    read = recipe(
        new_projector(tmp_path, "libra"),
        {"trains": ["lora"]},
        lora={"rank": 128, "alpha": 256, "dropout": 0.05},
    )
    model = started(read).learner.language_model
    names = [name for name, _ in model.named_parameters() if "lora_A" in name]
    assert ADAPTED == {name.split(".")[-4] for name in names}
    assert 3 * len(ADAPTED) == len(names)
    layer = model.base_model.model.model.layers[0].mlp.up_proj
    assert (128, 2.0) == (layer.r["default"], layer.scaling["default"])
    assert (128, 48) == tuple(layer.lora_A["default"].weight.shape)
    assert 0.05 == layer.lora_dropout["default"].p


def test_the_biases_of_adapted_layers_can_be_trained_too(tmp_path: Path) -> None:
    start = new_projector(tmp_path, "libra_qwen2")
    lora = {"rank": 4, "alpha": 8, "bias": "lora_only"}
    learner = started(recipe(start, {"trains": ["lora"]}, lora=lora)).learner
    others = [
        name
        for name, one in learner.named_parameters()
        if one.requires_grad and "lora_" not in name
    ]
    assert 9 == len(others)
    assert all(name.endswith("_proj.base_layer.bias") for name in others)


def test_new_parts_are_drawn_from_the_seed_and_leave_torch_s_own_alone(tmp_path: Path) -> None:
    start = new_projector(tmp_path, "libra")
    stage = {"trains": ["projector", "lora"]}
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first = started(recipe(start, stage)).learner.state_dict()
    assert torch.equal(expected, torch.rand(1))
    again = started(recipe(start, stage)).learner.state_dict()
    other = started(recipe(start, stage, seed=4)).learner.state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    name = "mm_projector.mlp_final.0.weight"
    assert not torch.equal(first[name], other[name])


@pytest.mark.parametrize(
    ("stage", "language", "adapter", "projector"),
    [
        ({"precision": "fp32"}, "float32", "float32", "float32"),
        ({"precision": "bf16"}, "bfloat16", "float32", "float32"),
        ({"precision": "fp16"}, "float16", "float32", "float32"),
        ({"precision": "bf16", "sharding": "zero2"}, "bfloat16", "bfloat16", "bfloat16"),
    ],
)
def test_frozen_weights_are_in_the_precision_and_trained_ones_in_float32(
    tmp_path: Path, stage: dict[str, Any], language: str, adapter: str, projector: str
) -> None:
    read = recipe(new_projector(tmp_path, "libra"), {"trains": ["lora"], **stage})
    learner = started(read).learner
    kinds = {
        part: {
            str(one.dtype).removeprefix("torch.")
            for name, one in learner.named_parameters()
            if part in name
        }
        for part in ("base_layer", "lora_", "mm_projector")
    }
    assert {"base_layer": {language}, "lora_": {adapter}, "mm_projector": {projector}} == kinds
    towers = {str(one.dtype) for one in learner.vision_tower.parameters()}
    assert {f"torch.{language}"} == towers


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("trains", [["projector"], ["lora"], ["projector", "language_model"]])
def test_half_precision_learns_nearly_what_float32_does(
    tmp_path: Path, precision: str, trains: list[str]
) -> None:
    start = new_projector(tmp_path, "libra")
    whole = started(recipe(start, {"trains": trains})).learner.eval()
    half = started(recipe(start, {"trains": trains, "precision": precision})).learner.eval()
    given = batch(whole)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    with torch.autocast("cpu", dtype):
        made = half(**given)["loss"]
    made.backward()
    assert made.item() == pytest.approx(whole(**given)["loss"].item(), rel=0.02)
    gradients = [one.grad for one in half.parameters() if one.requires_grad]
    assert all(one is not None and one.dtype == torch.float32 for one in gradients)


def test_a_whole_model_is_trained_in_float32_numbers_of_its_files(tmp_path: Path) -> None:
    stage = {"trains": ["language_model"], "precision": "bf16"}
    start = new_projector(tmp_path, "libra")
    learner = started(recipe(start, stage)).learner
    exact = started(recipe(start, {**stage, "precision": "fp32"})).learner.state_dict()
    for name, tensor in learner.state_dict().items():
        assert torch.equal(exact[name], tensor), name


@pytest.mark.parametrize("trains", [["projector"], ["lora"], ["projector", "language_model"]])
def test_checkpointing_keeps_less_and_gives_the_same_gradients(
    tmp_path: Path, trains: list[str]
) -> None:
    start = new_projector(tmp_path, "libra", num_hidden_layers=8)
    kept, found = [], []
    for checkpointing in (False, True):
        stage = {"trains": trains, "gradient_checkpointing": checkpointing}
        learner = started(recipe(start, stage, lora={"rank": 4, "alpha": 8})).learner
        learner.language_model.train()  # the projector's dropout stays off
        learner.mm_projector.eval()
        sizes: dict[int, int] = {}

        def keep(tensor: torch.Tensor, sizes: dict[int, int] = sizes) -> torch.Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        own = {one.untyped_storage().data_ptr() for one in learner.parameters()}
        torch.manual_seed(5)  # the adapters' dropout
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = learner(**batch(learner))["loss"]
        kept.append(sum(size for place, size in sizes.items() if place not in own))
        loss.backward()
        found.append([one.grad for one in learner.parameters() if one.requires_grad])
    assert kept[1] < 0.5 * kept[0]
    for expected, made in zip(*found, strict=True):
        torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_the_attention_asked_for_is_taken(tmp_path: Path, attention: str) -> None:
    read = recipe(new_projector(tmp_path, "libra"), {"trains": ["lora"], "attention": attention})
    one = started(read)
    assert attention == one.learner.language_model.config._attn_implementation
    usual = started(recipe(read_start(read), {"trains": ["lora"]})).learner.eval()
    given = batch(usual)
    torch.testing.assert_close(
        one.learner.eval()(**given)["loss"], usual(**given)["loss"], rtol=1e-6, atol=0
    )


def read_start(read: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(read.start).items() if value is not None}


def test_flash_attention_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = new_projector(tmp_path, "libra")
    stage = {"trains": ["lora"], "attention": "flash_attention_2"}
    with pytest.raises(InputError, match="bf16 and fp16 only"):
        started(recipe(start, stage))
    with pytest.raises(MissingError, match="pip install flash-attn --no-build-isolation"):
        started(recipe(start, {**stage, "precision": "bf16"}))


LAYOUTS = {
    "full": ("full", None),
    "full_3b": ("full_3b", None),
    "llavamed_mistral": ("llavamed_mistral", None),
    "medcxrgen": ("medcxrgen", None),
    "lora": ("lora", "libra-v1.0-tiny"),
    "projector_only": ("projector_only", "tiny-vicuna-base"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_published_layout_can_be_tuned(layout: str, tmp_path: Path) -> None:
    checkpoint = copied(layout, tmp_path)
    base = LAYOUTS[layout][1]
    start = {"checkpoint": str(checkpoint)}
    if base is not None:
        start["base"] = str(checkpoint.parent / base)
    one = trained(started(recipe(start, {"trains": ["projector"]})))
    assert {"projector"} == {part for part, count in free(one.learner).items() if count}
    expected = "lora" if layout == "lora" else "projector"
    assert expected == one.layout


def test_an_adapter_goes_on_where_it_was(tmp_path: Path) -> None:
    start = new_projector(tmp_path, "libra")
    read = recipe(start, {"trains": ["lora"]}, {"trains": ["projector", "lora"]})
    first = trained(started(read))
    save_stage(tmp_path / "out" / "first", first)
    second = started(read, tmp_path / "out" / "first", stage=1)
    assert second.learner.language_model.peft_config["default"].r == 4
    assert {"projector", "lora"} == {part for part, n in free(second.learner).items() if n}
    expected = first.learner.state_dict()
    for name, tensor in second.learner.state_dict().items():
        assert torch.equal(expected[name], tensor), name
    other = replace(read, lora=replace(read.lora, rank=8))
    with pytest.raises(InputError, match=r"goes on with the adapter.*\(4, 8, 'none', None\)"):
        started(other, tmp_path / "out" / "first", stage=1)


def test_a_language_model_that_has_a_projector_is_no_plain_one(tmp_path: Path) -> None:
    start = {"language_model": str(golden("full")), "vision_tower": str(TOWERS["TAC"])}
    with pytest.raises(InputError, match=r"no plain language model.*start\.checkpoint"):
        started(recipe(start, {"trains": ["projector"]}))


def test_a_projector_of_another_size_is_refused_with_a_table(tmp_path: Path) -> None:
    start = new_projector(tmp_path, "libra_qwen3")
    save_stage(tmp_path / "out", started(recipe(start, {"trains": ["projector"]})))
    small = plain_model(tmp_path, "libra", hidden_size=32)
    start |= {
        "language_model": str(small),
        "projector_weights": str(tmp_path / "out" / "mm_projector.bin"),
    }
    with pytest.raises(InputError, match=r"wrong shape +model\.mm_projector\.mlp_final\.0"):
        started(recipe(start, {"trains": ["lora"]}))


def test_a_given_projector_is_the_one_that_starts(tmp_path: Path) -> None:
    start = new_projector(tmp_path, "libra")
    first = trained(started(recipe(start, {"trains": ["projector"]})))
    save_stage(tmp_path / "out", first)
    given = {**start, "projector_weights": str(tmp_path / "out" / "mm_projector.bin")}
    learner = started(recipe(given, {"trains": ["lora"]}, seed=9)).learner
    for name, tensor in first.learner.mm_projector.state_dict().items():
        assert torch.equal(tensor, learner.mm_projector.state_dict()[name])


def test_a_tower_whose_weights_are_not_here_is_named(tmp_path: Path) -> None:
    tower = shutil.copytree(TOWERS["TAC"], tmp_path / "tower")
    (tower / "model.safetensors").unlink()
    start = {**new_projector(tmp_path, "libra"), "vision_tower": str(tower)}
    with pytest.raises(MissingError, match="weights of the vision tower"):
        started(recipe(start, {"trains": ["projector"]}))


@pytest.mark.parametrize(
    ("layout", "known", "expected"),
    [
        ("full", {}, "<unk>"),
        ("full", {"pad_token": "</s>"}, "</s>"),
        ("full_3b", {}, "<|finetune_right_pad_id|>"),
    ],
)
def test_padding_follows_the_original_but_for_llama_3_s_own_token(
    tmp_path: Path, layout: str, known: dict[str, str], expected: str
) -> None:
    checkpoint = copied(layout, tmp_path)
    file = checkpoint / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    settings.pop("pad_token", None)
    file.write_text(json.dumps(settings | known))
    (checkpoint / "special_tokens_map.json").unlink()
    one = started(recipe({"checkpoint": str(checkpoint)}, {"trains": ["projector"]}))
    assert expected == one.tokenizer.tokenizer.pad_token


def test_black_or_mean_is_beside_an_image_as_the_data_say(tmp_path: Path) -> None:
    start = new_projector(tmp_path, "libra")
    wide = GOLDEN / "images" / "cur_wide.png"
    made = [
        reporter(
            started(
                recipe(
                    start,
                    {"trains": ["lora"], "data": {"train": ["a"], "padding": padding}},
                )
            )
        ).preprocess(wide)[0, 0, 0]
        for padding in ("black", "mean")
    ]
    assert made[0] < made[1]
