"""What a prediction's fingerprint holds: everything that can change a text, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from models.libra.adapter import Libra
from tests.models.libra.adapters import adapter, libra, scaled
from tests.models.libra.golden_models import base, copied, folder

__all__ = ["libra"]


FINGERPRINTED: dict[str, Any] = {
    "template": "libra_v0",
    "prompt": "What is new?",
    "context": [],
    "canvas": True,
    "padding": "black",
    "dicom": "corrected",
    "dtype": "bfloat16",
    "engine": "vllm",
    "revision": "v2",
    "generation": {"max_new_tokens": 23},
    "feature_cache": {"dtype": "float16"},
}


@pytest.mark.parametrize("name", FINGERPRINTED)
def test_the_fingerprint_holds_what_can_change_a_text(libra: Libra, name: str) -> None:
    other = adapter(folder("full"), **{name: FINGERPRINTED[name]})
    assert libra.fingerprint() != other.fingerprint()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_beams", 2),
        ("length_penalty", 2.0),
        ("no_repeat_ngram_size", 3),
        ("temperature", 0.5),
        ("top_p", 0.5),
        ("top_k", 7),
        ("seed", 1),
    ],
)
def test_the_fingerprint_holds_every_setting_of_the_decoding(
    libra: Libra, name: str, value: float
) -> None:
    other = adapter(folder("full"), generation={"max_new_tokens": 24, name: value})
    assert libra.fingerprint() != other.fingerprint()


def test_the_fingerprint_leaves_out_how_fast_and_where(libra: Libra) -> None:
    silent = {"batch_size": 3, "device": None, "feature_cache": {"max_gigabytes": 1.0}}
    assert libra.fingerprint() == adapter(folder("full"), **silent).fingerprint()
    json.dumps(libra.fingerprint())


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("full", "model-00002-of-00003.safetensors"),
        ("full", "../tiny-rad-dino/model.safetensors"),
        ("llavamed_mistral", "model-00001-of-00002.safetensors"),
        ("lora", "adapter_model.bin"),
        ("lora", "non_lora_trainables.bin"),
        ("lora", "../libra-v1.0-tiny/model-00001-of-00002.safetensors"),
        ("projector_only", "mm_projector.bin"),
        ("projector_only", "../tiny-vicuna-base/pytorch_model.bin"),
        ("full", "config.json"),
        ("full", "tokenizer_config.json"),
        ("full", "tokenizer.model"),
        ("full", "generation_config.json"),
        ("full", "../tiny-rad-dino/preprocessor_config.json"),
        ("full", "../tiny-rad-dino/config.json"),
        ("lora", "adapter_config.json"),
        ("lora", "../libra-v1.0-tiny/generation_config.json"),
    ],
)
def test_the_fingerprint_holds_every_file(tmp_path: Path, layout: str, name: str) -> None:
    copy = copied(layout, tmp_path)
    named = base(layout)
    settings = {} if named is None else {"base": str(copy.parent / named.name)}
    before = adapter(copy, **settings).fingerprint()
    assert before == adapter(copy, **settings).fingerprint()
    file = copy / name
    if file.suffix == ".safetensors":
        scaled(file)
    else:
        file.write_bytes(file.read_bytes() + b"\n")
    assert before != adapter(copy, **settings).fingerprint()


def test_files_of_one_name_do_not_hide_each_other(tmp_path: Path) -> None:
    copy = copied("full", tmp_path)
    whole = {k: v for file in copy.glob("*.safetensors") for k, v in load_file(file).items()}
    for file in copy.glob("model*"):
        file.unlink()
    save_file(whole, copy / "model.safetensors")
    before = adapter(copy).fingerprint()
    scaled(copy / "model.safetensors")
    after = adapter(copy).fingerprint()
    assert before != after
    scaled(copy.parent / "tiny-rad-dino" / "model.safetensors")
    assert after != adapter(copy).fingerprint()


def test_the_fingerprint_does_not_depend_on_where_the_folder_is(tmp_path: Path) -> None:
    first, second = (copied("full", tmp_path / name) for name in ("x", "y"))
    assert adapter(first).fingerprint() == adapter(second).fingerprint()
