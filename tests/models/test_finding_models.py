"""Names, folders and devices: where models are found, and what is said where they are not."""

from pathlib import Path

import pytest
import torch

from models import hub
from models.devices import placement
from models.errors import InputError, MissingError
from models.hub import ALIASES, BUNDLED, is_here, locate


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network, and an empty cache of the hub."""
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def cached(tmp_path: Path, hub_id: str, revision: str = "main") -> Path:
    """Put a repository into the hub's cache, as a download leaves it."""
    repository = tmp_path / "hub" / f"models--{hub_id.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / revision).write_text("0" * 40)
    (snapshot / "config.json").write_text("{}")
    return snapshot


def test_a_folder_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tmp_path == locate(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    assert tmp_path == locate(f"~/{tmp_path.name}")
    assert is_here(tmp_path)
    assert is_here(f"~/{tmp_path.name}")


def test_a_bundled_model_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "BUNDLED", tmp_path / "weights")
    (tmp_path / "weights" / "libra-phantom").mkdir(parents=True)
    assert tmp_path / "weights" / "libra-phantom" == locate("libra-phantom")
    assert is_here("libra-phantom")


@pytest.mark.parametrize("name", ["", "..", "../libra", ".", "weights/../../libra"])
def test_a_bundled_name_does_not_lead_out_of_the_bundle(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    monkeypatch.chdir(empty)
    if name in (".", ".."):
        assert Path(name) == locate(name)
        return
    assert not is_here(name)
    with pytest.raises((InputError, MissingError)):
        locate(name)


def test_a_short_name_stands_for_its_hub_id(tmp_path: Path) -> None:
    snapshot = cached(tmp_path, "X-iZhang/libra-v1.0-7b")
    assert snapshot == locate("libra-v1.0-7b") == locate("X-iZhang/libra-v1.0-7b")
    assert is_here("libra-v1.0-7b")
    assert not is_here("libra-v1.0-3b")


def test_a_revision_is_looked_up(tmp_path: Path) -> None:
    snapshot = cached(tmp_path, "someone/model", "v2")
    assert snapshot == locate("someone/model", "v2")
    assert not is_here("someone/model", "v3")
    assert not is_here("someone/model")


@pytest.mark.parametrize("name", ALIASES)
def test_weights_that_are_not_here_are_missing_with_the_command(name: str) -> None:
    assert not is_here(name)
    with pytest.raises(MissingError) as problem:
        locate(name)
    assert f"`hf download {ALIASES[name]}`" in str(problem.value)
    assert 3 == problem.value.exit_status


@pytest.mark.parametrize(
    "name",
    [
        "/no/such/folder",
        "./gone",
        "a/b/c",
        "-x",
        "a--b",
        "a..b/c",
        "x" * 200,
        "ä/b",
        "a/",
        "~nobody-here/x",
    ],
)
def test_what_is_neither_folder_nor_hub_id_is_told(name: str) -> None:
    assert not is_here(name)
    with pytest.raises(InputError, match="Give a checkpoint's folder or hub id"):
        locate(name)


def test_no_bundled_folder_looks_like_a_hub_id_of_someone() -> None:
    assert not [path for path in BUNDLED.glob("*") if "/" in path.name]


def test_the_cpu_computes_in_float32() -> None:
    found = placement("cpu")
    assert (torch.device("cpu"), torch.float32, None) == (
        found.device,
        found.dtype,
        found.quantisation,
    )
    assert torch.bfloat16 == placement("cpu", "bfloat16").dtype
    assert {"dtype": torch.float16} == placement("cpu", "float16").loading_options()


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", "", "cpu:x", "hpu"])
def test_a_device_that_is_not_here_is_told(device: str) -> None:
    with pytest.raises(InputError, match=f"no device '{device}' on this machine"):
        placement(device)


@pytest.mark.parametrize("dtype", ["float8", "fp16", "auto", "int8", ""])
def test_an_unknown_dtype_is_told(dtype: str) -> None:
    with pytest.raises(InputError, match=r"Known: float32, bfloat16, float16, 8bit, 4bit\."):
        placement("cpu", dtype)


@pytest.mark.parametrize("dtype", ["8bit", "4bit"])
def test_quantised_weights_need_their_package(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match="`pip install bitsandbytes`"):
        placement("cpu", dtype)


@pytest.mark.parametrize(("dtype", "bits"), [("8bit", 8), ("4bit", 4)])
def test_quantised_weights_are_asked_for_as_libra_does(dtype: str, bits: int) -> None:
    from models.devices import Placement

    options = Placement(torch.device("cpu"), torch.float16, bits).loading_options()
    settings = options["quantization_config"]
    assert (bits == 8, bits == 4) == (settings.load_in_8bit, settings.load_in_4bit)
    assert ("nf4", True) == (settings.bnb_4bit_quant_type, settings.bnb_4bit_use_double_quant)
    assert {"": torch.device("cpu")} == options["device_map"]
    weights = object()
    assert weights is Placement(torch.device("cpu"), torch.float16, bits).put_language_model(
        weights
    )
