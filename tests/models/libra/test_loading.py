"""What loading leaves to the user's machine: towers, code, numbers, and engines elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import models
from models.devices import placement
from models.errors import InputError
from models.libra import loading
from models.libra.adapter import Libra
from models.libra.checkpoint import find_checkpoint
from models.libra.loading import load_model
from tests.models.libra.golden_models import LAYOUTS, base, copied, folder, image, reporter


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_runs_on_a_cpu(layout: str, dtype: str) -> None:
    model = models.load(folder(layout), base=base(layout), device="cpu", dtype=dtype)
    parts = (model.model.language_model, model.model.vision_tower, model.model.mm_projector)
    assert {getattr(torch, dtype)} == {p.dtype for part in parts for p in part.parameters()}
    made = model.report(image("cur_a.png"), image("prior_a.png"), num_beams=2, max_new_tokens=3)
    assert 1 <= len(made[0].token_ids) <= 3


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_embeddings_alone_embed_prompts_as_the_whole_model(layout: str) -> None:
    """What a server needs of the model that another program decodes for."""
    found = find_checkpoint(folder(layout), base(layout))
    part = load_model(found, placement("cpu", "float32"), embeddings_only=True).model
    whole = reporter(layout).model
    shown = torch.rand(3, whole.language_model.config.hidden_size)
    prompt = [1, 7, -200, 9]
    assert torch.equal(whole.embed_prompt(prompt, shown), part.embed_prompt(prompt, shown))
    assert sum(p.numel() for p in part.language_model.parameters()) < 520 * 48 + 1


def test_vllm_is_refused_where_it_would_compute_something_else(tmp_path: Path) -> None:
    copy = copied("projector_only", tmp_path)
    file, below = copy / "mm_projector.bin", copy.parent / "tiny-vicuna-base"
    trained = {"model.embed_tokens.weight": torch.zeros(520, 48)}
    torch.save({**torch.load(file, weights_only=True), **trained}, file)
    with pytest.raises(InputError, match=r"embed_tokens\.weight, …\), which vLLM would not read"):
        models.load(copy, base=below, engine="vllm", device="cpu", dtype="float32")
    with pytest.raises(InputError, match="Unknown engine 'tgi'"):
        models.load(folder("medcxrgen"), engine="tgi", device="cpu", dtype="float32")


def test_a_checkpoint_is_called_as_its_link_is(tmp_path: Path) -> None:
    """The original reads the conversation template off the name that it is given."""
    link = tmp_path / "libra-llama-3-mine"
    link.symlink_to(folder("full_3b"))
    assert "libra-llama-3-mine" == find_checkpoint(link).name
    step = tmp_path / "run" / "checkpoint-200"
    step.parent.mkdir()
    step.symlink_to(folder("full_3b"))
    assert "run_checkpoint-200" == find_checkpoint(step).name


def test_embeddings_trained_with_a_projector_replace_the_base_s(tmp_path: Path) -> None:
    copy = copied("projector_only", tmp_path)
    file, below = copy / "mm_projector.bin", copy.parent / "tiny-vicuna-base"
    tensors = torch.load(file, weights_only=True)
    trained = torch.full((520, 48), 0.25, dtype=torch.float16)
    torch.save({**tensors, "model.embed_tokens.weight": trained}, file)
    model = models.load(copy, base=below, device="cpu", dtype="float32").model
    assert torch.equal(trained.float(), model.language_model.get_input_embeddings().weight)
    torch.save({**tensors, "model.embed_tokens.weight": torch.zeros(522, 48)}, file)
    with pytest.raises(InputError, match=r"embed_tokens\.weight \[522, 48\], needed \[520, 48\]"):
        models.load(copy, base=below, device="cpu", dtype="float32")


@pytest.mark.parametrize("name", ["tokenizer_config.json", "config.json"])
def test_code_beside_a_checkpoint_does_not_run(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked whether it shall, either."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    copy, marker = copied("full_3b", tmp_path), tmp_path / "it-ran"
    (copy / "its_code.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Its: ...\n")
    file = copy / name
    settings = json.loads(file.read_text())
    mapping = {"AutoTokenizer": ["its_code.Its", "its_code.Its"], "AutoConfig": "its_code.Its"}
    file.write_text(json.dumps({**settings, "auto_map": mapping}))
    models.load(copy, device="cpu", dtype="float32")
    if name == "tokenizer_config.json":
        file.write_text(json.dumps({**json.loads(file.read_text()), "tokenizer_class": "Its"}))
        with pytest.raises(InputError, match="holds no tokenizer that can be read"):
            models.load(copy, device="cpu", dtype="float32")
    assert not marker.exists()


def test_a_known_tower_is_fetched_to_load_but_not_to_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    asked: list[Any] = []
    monkeypatch.setattr(loading, "locate", asked.append)
    copy = copied("full", tmp_path)
    file = copy / "config.json"
    settings = {**json.loads(file.read_text()), "mm_vision_tower": "microsoft/rad-dino"}
    file.write_text(json.dumps(settings))
    with pytest.raises(models.errors.MissingError, match="`hf download microsoft/rad-dino`"):
        Libra.from_settings({"weights": str(copy), "device": "cpu"}).check()
    assert [] == asked
    with pytest.raises(models.errors.MissingError):
        models.load(copy, device="cpu", dtype="float32")
    assert ["microsoft/rad-dino"] == asked


@pytest.mark.parametrize(
    ("layout", "name", "content"),
    [
        ("full_3b", "tokenizer.json", "{"),
        ("full_3b", "tokenizer.json", "{}"),
        ("full_3b", "tokenizer_config.json", '{"added_tokens_decoder": 3}'),
        ("full", "tokenizer.model", "no sentencepiece"),
    ],
)
def test_a_damaged_tokenizer_is_told(tmp_path: Path, layout: str, name: str, content: str) -> None:
    copy = copied(layout, tmp_path)
    (copy / name).write_text(content)
    with pytest.raises(InputError, match="holds no tokenizer that can be read"):
        models.load(copy, device="cpu", dtype="float32")
