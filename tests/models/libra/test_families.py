"""Every family of language models and towers in Libra's layout, against transformers itself."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

import models
from models.engines.engine import Decoding, EnginePrompt
from models.libra import known_towers, prompts
from models.libra.encoding import ImagePair
from models.libra.reporter import LibraReporter, Question
from tests.models.engines.tiny_models import by_transformers
from tests.models.libra.golden_models import GOLDEN, case, copied, image
from tests.models.random_models import language_model, unscale_embeddings

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "libra": ("Llama", {}),
    "libra_mistral": ("Mistral", {"sliding_window": 9}),
    "libra_phi3": ("Phi3", {"sliding_window": 30}),
    "libra_gemma": ("Gemma", {"head_dim": 8, "num_key_value_heads": 1}),
    "libra_qwen2": (
        "Qwen2",
        {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1},
    ),
    "libra_qwen3": ("Qwen3", {"head_dim": 16}),
}
TOKENIZER = GOLDEN / "llavamed_mistral" / "libra-llava-med-v1.5-mistral-tiny"
CLIP = GOLDEN / "medcxrgen" / "tiny-clip-vit-56"
ASKED = "Provide a detailed description of the findings in the radiology image."
STOP = 2


def projector(width: int, scale: float) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(width)
    shapes = {"0.weight": (32, width), "0.bias": (32,), "2.weight": (32, 32), "2.bias": (32,)}
    return {k: scale * torch.randn(v, generator=generator) for k, v in shapes.items()}


def checkpoint(
    parent: Path, family: str, model: Any, mlp: dict[str, Tensor], **settings: Any
) -> Path:
    """Save a model of transformers in Libra's layout."""
    folder = parent / f"libra-{family}"
    shutil.copytree(TOKENIZER, folder)
    for file in [*folder.glob("model*"), folder / "generation_config.json"]:
        file.unlink()
    config = {
        **model.config.to_dict(),
        "model_type": family,
        "mm_vision_tower": "tower",
        "mm_projector_type": "mlp2x_gelu",
        "mm_vision_select_layer": -2,
        "mm_vision_select_feature": "patch",
        "image_aspect_ratio": "pad",
        **settings,
    }
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {name: t.clone() for name, t in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        del tensors["lm_head.weight"]
    tensors |= {f"model.mm_projector.projector.{name}": t for name, t in mlp.items()}
    save_file(tensors, folder / "model.safetensors")
    return folder


def by_hand(
    reporter: LibraReporter, model: Any, mlp: dict[str, Tensor], features: Tensor
) -> EnginePrompt:
    """Make the prompt's embeddings from the saved weights alone."""
    hidden = functional.gelu(features @ mlp["0.weight"].T + mlp["0.bias"])
    embedded = hidden @ mlp["2.weight"].T + mlp["2.bias"]
    question = Question(ImagePair(reporter.preprocess(image("cur_a.png"))), [("user", ASKED)])
    ids = prompts.tokenize(reporter.prompt_text(question), reporter.tokenizer.tokenizer)
    place = ids.index(-200)
    table = model.get_input_embeddings().weight
    parts = [table[ids[:place]], embedded, table[ids[place + 1 :]]]
    # the original, on transformers 4, let Gemma scale everything that it is given
    scale = math.sqrt(32) if model.config.model_type == "gemma" else 1.0
    return EnginePrompt(ids, torch.cat(parts) * scale)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_equal_those_of_transformers_generate(family: str, tmp_path: Path) -> None:
    name, own = FAMILIES[family]
    model = language_model(name, **own)
    if name == "Gemma":
        unscale_embeddings(model)
    shutil.copytree(CLIP, tmp_path / "tower")
    mlp = projector(32, 0.1)
    folder = checkpoint(tmp_path, family, model, mlp)
    reporter = models.load(folder, device="cpu", dtype="float32")
    tower = transformers.CLIPVisionModel.from_pretrained(CLIP).eval()
    pixels = torch.from_numpy(reporter.preprocess(image("cur_a.png")))[None]
    with torch.inference_mode():
        states = tower(pixels, output_hidden_states=True).hidden_states
        prompt = by_hand(reporter, model, mlp, states[-2][0, 1:])
    for decoding in (
        Decoding(max_new_tokens=12),
        Decoding(num_beams=3, length_penalty=2.0, max_new_tokens=12, num_return_sequences=3),
    ):
        expected = by_transformers(model, prompt, decoding, (STOP,))
        made = reporter.report(
            image("cur_a.png"),
            num_beams=decoding.num_beams,
            length_penalty=decoding.length_penalty,
            max_new_tokens=12,
            num_return_sequences=decoding.num_return_sequences,
        )
        assert [one.token_ids for one in expected] == [one.token_ids for one in made]
        for one, other in zip(expected, made, strict=True):
            assert one.finish_reason == other.finish_reason
            assert one.score == pytest.approx(other.score, abs=1e-4)
    assert 4 < len(set(made[0].token_ids))


@pytest.mark.parametrize(("feature", "patches"), [("patch", 15), ("cls_patch", 16)])
def test_a_siglip_tower_loses_a_patch_as_published_unless_all_are_kept(
    tmp_path: Path, feature: str, patches: int
) -> None:
    settings = transformers.SiglipVisionConfig(
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=56,
        patch_size=14,
    )
    torch.manual_seed(3)
    tower = transformers.SiglipVisionModel(settings).eval()
    tower.save_pretrained(tmp_path / "tower")
    size = {"height": 56, "width": 56}
    preprocessor = {"image_processor_type": "SiglipImageProcessor", "size": size}
    (tmp_path / "tower" / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    mlp = projector(24, 0.1)
    model = language_model("Llama")
    folder = checkpoint(tmp_path, "libra", model, mlp, mm_vision_select_feature=feature)
    reporter = models.load(folder, device="cpu", dtype="float32")
    pixels = reporter.preprocess(image("cur_a.png"))
    (found,) = reporter.encoder.embeddings([ImagePair(pixels)])
    with torch.inference_mode():
        states = tower(torch.from_numpy(pixels)[None], output_hidden_states=True).hidden_states
        kept = states[-2][0, 1:] if feature == "patch" else states[-2][0]
        prompt = by_hand(reporter, model, mlp, kept)
    assert patches == len(found) == reporter.model.vision_tower.num_patches
    place = prompt.ids.index(-200)
    torch.testing.assert_close(
        found, prompt.embeddings[place : place + patches], rtol=1e-5, atol=1e-5
    )


def test_a_connector_reads_a_tower_of_24_layers(tmp_path: Path) -> None:
    """The original stops at anything but 12."""
    from models.libra.projectors import build_projector

    settings = transformers.Dinov2Config(
        hidden_size=32,
        num_hidden_layers=24,
        num_attention_heads=4,
        mlp_ratio=2,
        image_size=56,
        patch_size=14,
    )
    torch.manual_seed(5)
    transformers.Dinov2Model(settings).save_pretrained(tmp_path / "tower")
    shutil.copy(GOLDEN / "full" / "tiny-rad-dino" / "preprocessor_config.json", tmp_path / "tower")
    folder = checkpoint(
        tmp_path,
        "libra",
        language_model("Llama"),
        {},
        mm_projector_type="TAC",
        mm_vision_select_layer="all",
    )
    tac = build_projector("TAC", 32, 32, 4, 24)
    tensors = load_file(folder / "model.safetensors")
    tensors |= {f"model.mm_projector.{name}": t for name, t in tac.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")
    reporter = models.load(folder, device="cpu", dtype="float32")
    assert 24 == reporter.model.vision_tower.num_layers
    assert 1 == len(reporter.report(image("cur_a.png"), image("prior_a.png"), max_new_tokens=2))


def microsoft(tmp_path: Path) -> Path:
    """Rename the converted LLaVA-Med's keys and settings back to Microsoft's."""
    folder = copied("llavamed_mistral", tmp_path)
    places: dict[str, str] = {}
    for file in folder.glob("*.safetensors"):
        tensors = {
            name.replace("mm_projector.projector.", "mm_projector."): tensor
            for name, tensor in load_file(file).items()
        }
        save_file(tensors, file)
        places |= dict.fromkeys(tensors, file.name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    file = folder / "config.json"
    settings = json.loads(file.read_text())
    del settings["unfreeze_mm_vision_tower"]
    settings |= {"model_type": "llava_mistral", "architectures": ["LlavaMistralForCausalLM"]}
    file.write_text(json.dumps(settings))
    return folder.rename(folder.parent / "llava-med-v1.5-mistral-tiny")


def test_microsoft_s_layout_writes_the_texts_of_the_converted_one(tmp_path: Path) -> None:
    reporter = models.load(microsoft(tmp_path), device="cpu", dtype="float32")
    assert "the checkpoint's own" == reporter.record["vision_tower"]
    for name in ("c1", "c2", "c3"):
        one = case("llavamed_mistral", name)
        made = reporter.report(
            image(one["images"][0]),
            prompt=one["query"],
            template=one["conv_mode_used"],
            max_new_tokens=24,
        )
        assert one["generation"]["greedy"]["ids"] == made[0].token_ids


def test_a_tower_inside_needs_no_folder_where_its_settings_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = microsoft(tmp_path)
    tower = folder.parent / "tiny-clip-vit-56"
    settings, preprocessor = (
        json.loads((tower / name).read_text())
        for name in ("config.json", "preprocessor_config.json")
    )
    hub_id = "openai/clip-vit-large-patch14-336"
    tiny = known_towers.KnownTower(settings, preprocessor)
    monkeypatch.setitem(known_towers.KNOWN_TOWERS, hub_id, tiny)
    shutil.rmtree(tower)
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "mm_vision_tower": hub_id}))
    reporter = models.load(folder, device="cpu", dtype="float32")
    one = case("llavamed_mistral", "c1")
    made = reporter.report(
        image(one["images"][0]),
        prompt=one["query"],
        template=one["conv_mode_used"],
        max_new_tokens=24,
    )
    assert one["generation"]["greedy"]["ids"] == made[0].token_ids


def test_a_tower_inside_is_left_out_unless_the_settings_ask_for_it(tmp_path: Path) -> None:
    folder = copied("llavamed_mistral", tmp_path)
    file = folder / "config.json"
    settings = {**json.loads(file.read_text()), "unfreeze_mm_vision_tower": False}
    file.write_text(json.dumps(settings))
    reporter = models.load(folder, device="cpu", dtype="float32")
    (note,) = reporter.record["notes"]
    assert note.startswith("the vision tower inside the checkpoint is left out, as published")
    own = load_file(folder.parent / "tiny-clip-vit-56" / "model.safetensors")
    name = "embeddings.class_embedding"
    loaded = reporter.model.vision_tower.encoder.state_dict()
    assert torch.equal(own[f"vision_model.{name}"], loaded[name])


def test_a_plain_language_model_is_no_checkpoint_of_the_family(tmp_path: Path) -> None:
    from models.errors import InputError

    folder = copied("projector_only", tmp_path)
    with pytest.raises(InputError, match=r"this is a plain language model\. Give it as base"):
        models.load(folder.parent / "tiny-vicuna-base")
