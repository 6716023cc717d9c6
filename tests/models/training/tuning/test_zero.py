"""What DeepSpeed is configured with."""

from __future__ import annotations

import importlib.util

import pytest

from models.errors import MissingError
from models.training.tuning.zero import check_sharding, zero_settings


def test_without_sharding_there_is_nothing_to_configure() -> None:
    assert zero_settings("none", 4096) is None
    check_sharding("none", "findings")


@pytest.mark.parametrize(("sharding", "stage"), [("zero2", 2), ("zero3", 3), ("zero3_offload", 3)])
def test_each_way_has_the_stage_of_its_name(sharding: str, stage: int) -> None:
    settings = zero_settings(sharding, 4096)  # type: ignore[arg-type]
    assert settings is not None
    assert stage == settings["zero_optimization"]["stage"]
    assert settings["zero_optimization"]["reduce_bucket_size"] == 4096**2


def test_only_offloading_moves_weights_and_optimizer_to_the_host() -> None:
    kept, moved = zero_settings("zero3", 64), zero_settings("zero3_offload", 64)
    assert kept is not None
    assert moved is not None
    assert {"offload_optimizer", "offload_param"} == set(moved["zero_optimization"]) - set(
        kept["zero_optimization"]
    )


@pytest.mark.parametrize("sharding", ["zero2", "zero3", "zero3_offload"])
def test_no_optimizer_or_scheduler_replaces_the_stages_own(sharding: str) -> None:
    settings = zero_settings(sharding, 64)  # type: ignore[arg-type]
    assert settings is not None
    assert not {"optimizer", "scheduler"} & set(settings)


@pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is not None, reason="deepspeed is installed"
)
def test_sharding_without_deepspeed_names_what_to_install() -> None:
    with pytest.raises(MissingError, match=r"findings.*zero3.*cxr-harness\[train\]"):
        check_sharding("zero3", "findings")
