"""Settings of the family's adapters that are unknown, wrong, or cannot run."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from models.errors import InputError, MissingError
from models.libra.adapter import Libra
from tests.models.libra.adapters import adapter
from tests.models.libra.golden_models import GOLDEN, copied, folder


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"generation": {"num_beam": 3}}, "'num_beam' in generation.*Did you mean 'num_beams'"),
        ({"feature_cache": {"max_gb": 3}}, "'max_gb' in feature_cache"),
        ({"batchsize": 3}, "Did you mean 'batch_size'"),
        ({"dtype": "float8"}, "'dtype'"),
        ({"engine": "tgi"}, "'engine'"),
        ({"generation": {"num_beams": "3"}}, "num_beams"),
    ],
)
def test_an_option_that_is_unknown_or_wrong_is_named(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        adapter("x", **settings)


def test_weights_must_be_given() -> None:
    with pytest.raises(InputError, match="'weights' is missing"):
        Libra.from_settings({})
    with pytest.raises(InputError, match="'weights' in the model's options is wrong"):
        Libra.from_settings({"weights": None})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"template": "libra_v9"}, "Unknown conversation template 'libra_v9'. Did you mean"),
        ({"generation": {"num_beams": 0}}, "start at 1"),
        ({"batch_size": 0}, "batch_size 0 is below 1"),
        ({"device": "abacus"}, "no device 'abacus'"),
        ({"feature_cache": {"max_gigabytes": 0.0}}, "Give bytes above 0"),
        ({"generation": {"temperature": -1.0}}, "temperature -1.0 is negative"),
        ({"generation": {"top_p": 2.0, "temperature": 1.0}}, "top_p 2.0 is outside"),
        ({"base": str(GOLDEN / "lora" / "libra-v1.0-tiny")}, "Leave base out"),
    ],
)
def test_settings_that_cannot_run_are_told_before(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        adapter(folder("full"), **settings).check()


def test_what_is_not_on_this_machine_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(MissingError, match=r"`hf download X-iZhang/libra-v1\.0-7b`"):
        adapter("libra-v1.0-7b").check()
    with pytest.raises(MissingError, match=r"'lmsys/vicuna-7b-v1\.5' are not on this machine"):
        adapter(folder("projector_only"), base="lmsys/vicuna-7b-v1.5").check()
    copy = copied("full", tmp_path)
    shutil.rmtree(copy.parent / "tiny-rad-dino")
    with pytest.raises(MissingError, match="vision tower 'tiny-rad-dino'"):
        adapter(copy).check()


def test_a_shard_that_does_not_fit_is_told_before(tmp_path: Path) -> None:
    copy = copied("full", tmp_path)
    file = copy / "model-00003-of-00003.safetensors"
    tensors = load_file(file)
    name = sorted(tensors)[0]
    del tensors[name]
    save_file(tensors, file)
    with pytest.raises(InputError, match=f"missing      {name}"):
        adapter(copy).check()
