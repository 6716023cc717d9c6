"""What a CPU cannot show: the same ids on a CUDA device, in float32, and memory that runs out.

``make test-cuda`` runs them where a CUDA device and a torch built for it are.
"""

import logging
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import models
from models.adapter import Request
from models.engines.engine import Decoding
from models.engines.transformers_engine import TransformersEngine
from models.libra.reporter import LibraReporter
from tests.models.engines.tiny_models import FAMILIES, STOP_IDS, prompts_of, tiny_model
from tests.models.libra.golden_models import LAYOUTS, base, case, folder, image, tensors
from tests.models.libra.test_published_layouts import CASES, SETTINGS, decoding_of

pytestmark = pytest.mark.cuda

BEAMS = Decoding(num_beams=4, length_penalty=2.0, max_new_tokens=15, no_repeat_ngram_size=3)
SAMPLES = Decoding(temperature=0.8, seed=3, max_new_tokens=15, num_return_sequences=2)
LENGTHS = (11, 3, 19, 4, 11, 8, 14)


@pytest.fixture(autouse=True)
def _float32_in_full() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@cache
def reporter(layout: str, dtype: str = "float32") -> LibraReporter:
    return models.load(folder(layout), base=base(layout), device="cuda", dtype=dtype)


@cache
def on_gpu(family: str) -> Any:
    import copy

    return copy.deepcopy(tiny_model(family)).to("cuda")


def ids(engine: TransformersEngine, prompts: Any, how: Decoding) -> list[list[list[int]]]:
    return [[s.token_ids for s in found] for found in engine.generate(prompts, how)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_ids_and_texts_equal_the_original(layout: str, setting: str) -> None:
    model = reporter(layout)
    for name in CASES:
        one = case(layout, name)
        golden = one["generation"][setting]
        current, *prior = one["images"]
        made = model.report(
            image(current),
            image(prior[0]) if prior else None,
            prompt=one["query"],
            template=one["conv_mode"],
            **decoding_of(setting, golden["args"]),
        )[0]
        assert golden["ids"] == made.token_ids
        assert golden["text"] == made.text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_projected_features_equal_the_original(layout: str) -> None:
    from models.libra.encoding import ImagePair

    model, one = reporter(layout), case(layout, "c1")
    pixels = [model.preprocess(image(name)) for name in one["images"]]
    (found,) = model.encoder.embeddings([ImagePair(*pixels[:2])])
    golden = tensors(layout)[f"{one['id']}.projected"][0]
    np.testing.assert_allclose(golden, found.float().cpu().numpy(), rtol=0, atol=2e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("decoding", [BEAMS, SAMPLES, Decoding(max_new_tokens=15)])
def test_ids_equal_the_cpu_s_for_any_batch_size(family: str, decoding: Decoding) -> None:
    prompts = prompts_of(tiny_model(family), *LENGTHS)
    on_cpu = ids(TransformersEngine(tiny_model(family), stop_ids=STOP_IDS), prompts, decoding)
    for size in (1, 3, 16):
        engine = TransformersEngine(on_gpu(family), stop_ids=STOP_IDS, batch_size=size)
        assert on_cpu == ids(engine, prompts, decoding)


def test_real_exhaustion_halves_the_batch_and_gives_the_same_ids(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = on_gpu("Llama")
    prompts = prompts_of(tiny_model("Llama"), *[40] * 64)
    expected_ids = ids(TransformersEngine(model, stop_ids=STOP_IDS, batch_size=1), prompts, BEAMS)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    room = torch.cuda.memory_reserved() + 6 * 2**20
    torch.cuda.set_per_process_memory_fraction(room / total)
    engine = TransformersEngine(model, stop_ids=STOP_IDS, batch_size=64)
    try:
        with caplog.at_level(logging.WARNING, logger="models.engines"):
            assert expected_ids == ids(engine, prompts, BEAMS)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert engine.usage.halvings >= 1
    assert "Memory ran out with 64 prompts" in caplog.records[0].getMessage()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_writes_and_is_recorded(dtype: str) -> None:
    model, one = reporter("full", dtype), case("full", "c1")
    made = model.report(*map(image, one["images"]), prompt=one["query"], num_beams=3)[0]
    assert made.token_ids
    assert dtype == str(model.model.language_model.dtype).removeprefix("torch.")
    assert "cuda" == model.model.device.type


def test_the_device_is_the_gpu_unless_told_otherwise() -> None:
    model = models.load(folder("full"))
    assert "cuda" == model.model.device.type


def test_the_adapter_s_figures_hold_the_gpu_s_memory() -> None:
    from models.registry import adapter_class

    current, prior = map(image, case("full", "c1")["images"])
    settings = {"weights": str(folder("full")), "generation": {"max_new_tokens": 8}}
    adapter = adapter_class("libra").from_settings(settings)
    adapter.check()
    adapter.prepare([])
    try:
        (made,) = adapter.generate([Request("a", current, prior)])
        figures = adapter.figures()
    finally:
        adapter.close()
    assert made.tokens is not None
    assert figures is not None
    assert made.tokens == figures.tokens
    assert "cuda" in str(figures.device)
    assert figures.peak_memory_bytes > 0
