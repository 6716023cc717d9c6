from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from models.errors import InputError
from models.training import parameter_groups
from models.training.saved_parts import (
    adapter_part,
    lora_targets,
    other_trained_part,
    projector_part,
    without_tower,
)
from models.training.schedule import cosine_rate, evaluation_interval, warmup_steps
from tests.models.training.goldens import golden

CASES = {case["id"]: case for case in golden("optimizer_groups")["cases"]}
SAVED = {case["id"]: case for case in golden("saved_names")["cases"]}
SCHEDULE = golden("schedule")


def parameters(case: dict[str, Any]) -> dict[str, torch.nn.Parameter]:
    return {
        one["name"]: torch.nn.Parameter(
            torch.empty(one["shape"], device="meta"), requires_grad=one["trainable"]
        )
        for one in case["parameters"]
    }


def groups(case: dict[str, Any]) -> list[tuple[float, float, list[str]]]:
    named = parameters(case)
    names = {id(one): name for name, one in named.items()}
    found = parameter_groups(
        named.items(), case["weight_decay"], case["learning_rate"], case["mm_projector_lr"]
    )
    return [(g["weight_decay"], g["lr"], [names[id(p)] for p in g["params"]]) for g in found]


def wanted(case: dict[str, Any]) -> list[tuple[float, float, list[str]]]:
    """Return the original's groups, in which norms that it decays have changed places."""
    mended = set(case.get("norms_decayed", ()))
    place = {one["name"]: index for index, one in enumerate(case["parameters"])}

    def names(index: int) -> Iterable[str]:
        own = set(case["groups"][index]["names"])
        return own | mended if index == 1 else own - mended

    return [
        (group["weight_decay"], group["lr"], sorted(names(index), key=place.__getitem__))
        for index, group in enumerate(case["groups"])
    ]


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case["id"])
def test_groups_are_the_original_s_but_that_no_norm_decays(case: dict[str, Any]) -> None:
    assert wanted(case) == groups(case)


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case["id"])
def test_every_trainable_parameter_is_in_one_group_and_the_optimiser_takes_them(
    case: dict[str, Any],
) -> None:
    named = parameters(case)
    trainable = sorted(name for name, one in named.items() if one.requires_grad)
    assert trainable == sorted(name for _, _, names in groups(case) for name in names)
    made = torch.optim.AdamW(parameter_groups(named.items(), 0.1, 2e-5, 1e-4))
    assert [2e-5, 2e-5, 1e-4, 1e-4] == [group["lr"] for group in made.param_groups]


def test_a_partitioned_norm_is_told_by_the_shape_that_zero_keeps() -> None:
    weight = SimpleNamespace(shape=(0,), ds_shape=(8, 8), requires_grad=True)
    norm = SimpleNamespace(shape=(0,), ds_shape=(8,), requires_grad=True)
    found = parameter_groups([("a.weight", weight), ("norm.weight", norm)], 0.1, 1e-3)
    assert [[weight], [norm]] == [group["params"] for group in found]


@pytest.mark.parametrize("numbers", [(-1.0, 1e-3, None), (0.0, -1e-3, None), (0.0, 1e-3, -1.0)])
def test_negative_rates_are_refused(numbers: tuple[float, float, float | None]) -> None:
    with pytest.raises(InputError, match="must be 0 or more"):
        parameter_groups([("a", torch.nn.Parameter(torch.zeros(2)))], *numbers)


def test_nothing_to_train_is_refused() -> None:
    with pytest.raises(InputError, match="trainable"):
        parameter_groups([("a", torch.nn.Parameter(torch.zeros(2), requires_grad=False))], 0, 1e-3)


def names_of(case: str) -> dict[str, str]:
    return {one["name"]: one["name"] for one in CASES[case]["parameters"]}


def trainable_of(case: str) -> set[str]:
    return {one["name"] for one in CASES[case]["parameters"] if one["trainable"]}


def test_files_hold_what_the_original_s_hold() -> None:
    full, lora = names_of("full_projector_lr"), names_of("lora_projector_lr")
    assert SAVED["projector_file"]["names"] == sorted(projector_part(full))
    assert SAVED["best_model_without_tower"]["names"] == sorted(without_tower(full))
    assert SAVED["lora_file_bias_none"]["names"] == sorted(adapter_part(lora))
    assert SAVED["lora_file_bias_all"]["names"] == sorted(adapter_part(lora, "all"))
    others = other_trained_part(lora, trainable_of("lora_projector_lr"))
    assert SAVED["non_lora_file"]["names"] == sorted(others)
    assert {} == other_trained_part(lora, trainable_of("lora_projector_frozen"))


def test_values_keep_their_names() -> None:
    assert {"a.mm_projector.b": 1} == projector_part({"a.mm_projector.b": 1, "c": 2})
    assert ["a.mm_projector.b", "model.embed_tokens.weight"] == list(
        projector_part(
            {"a.mm_projector.b": 1, "model.embed_tokens.weight": 2}, with_embeddings=True
        )
    )


def test_lora_only_keeps_the_biases_of_layers_with_lora() -> None:
    names = ("q.base_layer.bias", "q.base_layer.weight", "q.lora_A.default.weight", "k.bias")
    kept = adapter_part(dict.fromkeys(names), "lora_only")
    assert ["q.base_layer.bias", "q.lora_A.default.weight"] == list(kept)


def test_an_unknown_choice_of_biases_is_refused() -> None:
    with pytest.raises(InputError, match="lora_bias"):
        adapter_part({}, "some")  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["llama", "mistral", "phi3", "gemma", "qwen2", "qwen3"])
def test_lora_targets_are_the_original_s(family: str) -> None:
    case = CASES["full_projector_lr" if family == "llama" else f"full_{family}"]
    linear = [
        one["name"].removesuffix(".weight")
        for one in case["parameters"]
        if len(one["shape"]) == 2 and "embed" not in one["name"]
    ]
    assert SAVED[f"lora_targets_{family}"]["names"] == lora_targets(linear)


@pytest.mark.parametrize("case", SCHEDULE["cases"])
def test_learning_rates_are_the_original_s(case: dict[str, Any]) -> None:
    total = case["total_steps"]
    warmup = warmup_steps(total, case["warmup_ratio"], case["warmup_steps_flag"])
    assert case["warmup_steps"] == warmup
    for row in case["lr"]:
        rates = [cosine_rate(base, row["step"], total, warmup) for base in case["base_lr"]]
        assert row["values"] == pytest.approx(rates, rel=0, abs=1e-15)


@pytest.mark.parametrize("case", SCHEDULE["eval_every"])
def test_evaluations_come_as_often_as_the_original_s(case: dict[str, Any]) -> None:
    assert case["eval_every"] == evaluation_interval(case["total_steps"], case["eval_steps_flag"])


def test_an_interval_of_1_or_more_is_a_number_of_steps() -> None:
    assert 50 == evaluation_interval(1000, 50)
    with pytest.raises(InputError, match="above 0"):
        evaluation_interval(1000, 0)
