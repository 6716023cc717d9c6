"""Whole checkpoints of adapters: the numbers, and the reports, of what was merged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file

import models
from models.devices import placement
from models.errors import InputError, MissingError
from models.libra.checkpoint import find_checkpoint
from models.libra.language_model import quiet_transformers
from models.libra.loading import load_language_model
from models.libra.reporter import LibraReporter
from models.training.tuning.merge import merge
from models.training.tuning.saving import save_stage
from models.training.tuning.start import load_learner
from models.weights_files import find_weights
from tests.models.libra.golden_models import base, case, copied, folder, image
from tests.models.libra.test_families import microsoft
from tests.models.training.tuning.start_points import (
    FAMILIES,
    new_projector,
    recipe,
    reports,
    started,
    trained,
)
from tests.models.training.tuning.test_saving import disk_of


def loaded(at: Path, below: Path | None = None) -> LibraReporter:
    return models.load(at, below, device="cpu", dtype="float32")


def adapter(parent: Path, family: str = "libra", projector: str = "TAC", **settings: Any) -> Path:
    """Train and save a small adapter over a plain language model."""
    start = new_projector(parent, family, projector, **settings)
    save_stage(parent / "lora", trained(started(recipe(start, {"trains": ["lora"]}))))
    return parent / "lora"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_merged_checkpoint_writes_the_reports_of_its_adapter(family: str, tmp_path: Path) -> None:
    projector = "mlp2x_gelu" if family == "libra_mistral" else "TAC"
    lora = adapter(tmp_path, family, projector)
    expected = reports(loaded(lora))
    merge(lora, None, tmp_path / "whole")
    shutil.rmtree(lora)
    for plain in tmp_path.glob("plain-*"):
        shutil.rmtree(plain)
    made = loaded(tmp_path / "whole")
    assert "full" == made.record["layout"]
    assert expected == reports(made)


@pytest.mark.parametrize("layout", ["lora", "projector_only"])
def test_published_layouts_merge_to_the_original_s_texts(layout: str, tmp_path: Path) -> None:
    merge(folder(layout), base(layout), tmp_path / "whole")
    made = loaded(tmp_path / "whole")
    for name in ("c1", "c2", "c3"):
        one = case(layout, name)
        current, *prior = one["images"]
        found = made.report(
            image(current),
            image(prior[0]) if prior else None,
            prompt=one["query"],
            template=one["conv_mode"],
            max_new_tokens=one["generation"]["greedy"]["args"]["max_new_tokens"],
        )
        assert one["generation"]["greedy"]["ids"] == found[0].token_ids


@pytest.mark.parametrize("own", ["llavamed_mistral", "microsoft"])
def test_llava_med_with_an_adapter_keeps_its_layout_and_its_tower(own: str, tmp_path: Path) -> None:
    checkpoint = microsoft(tmp_path) if own == "microsoft" else copied(own, tmp_path)
    read = recipe({"checkpoint": str(checkpoint)}, {"trains": ["projector", "lora"]})
    save_stage(tmp_path / "lora", trained(started(read)))
    expected = reports(loaded(tmp_path / "lora"))
    # the base is in float16, which would round what was merged
    merge(tmp_path / "lora", None, tmp_path / "whole", dtype="float32")
    shutil.rmtree(checkpoint.parent)
    made = loaded(tmp_path / "whole")
    assert expected == reports(made)
    config = json.loads((tmp_path / "whole" / "config.json").read_text())
    names = load_file(tmp_path / "whole" / "model.safetensors")
    is_llava = own == "microsoft"
    assert ("llava_mistral" if is_llava else "libra_mistral") == config["model_type"]
    assert is_llava == ("model.mm_projector.0.weight" in names)


@pytest.mark.parametrize(
    "settings",
    [
        {"use_rslora": True},
        {"use_dora": True},
        {"bias": "lora_only"},
        {"bias": "all"},
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 32}},
        {"modules_to_save": ["embed_tokens", "lm_head"]},
        {"target_modules": ["embed_tokens", "q_proj"]},
    ],
)
def test_every_kind_of_adapter_merges_to_what_loading_makes_of_it(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    lora = adapter(tmp_path, "libra_qwen2", tie_word_embeddings=False)
    plain = tmp_path / "plain-libra_qwen2"
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (lora / name).unlink()
    with quiet_transformers():
        import transformers

        model = transformers.AutoModelForCausalLM.from_pretrained(plain)
    usual = {"target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"}
    with warnings.catch_warnings():  # peft looks for a base by name, and has none
        warnings.simplefilter("ignore")
        wrapped = peft.get_peft_model(
            model, peft.LoraConfig(r=4, lora_alpha=8, **{**usual, **settings})
        )
        generator = torch.Generator().manual_seed(1)
        for weight in wrapped.parameters():
            if weight.requires_grad:
                weight.data.normal_(0, 0.05, generator=generator)
        wrapped.save_pretrained(lora, save_embedding_layers=False)
    expected = load_language_model(find_checkpoint(lora, plain), placement("cpu", "float32"))
    merge(lora, plain, tmp_path / "whole")
    made = loaded(tmp_path / "whole").model.language_model.state_dict()
    for name, tensor in expected.state_dict().items():
        assert torch.equal(tensor, made[name]), name


def test_weights_keep_the_numbers_of_their_files_unless_others_are_asked_for(
    tmp_path: Path,
) -> None:
    lora = adapter(tmp_path)
    plain = tmp_path / "plain-libra" / "model.safetensors"
    halves = {name: tensor.half() for name, tensor in load_file(plain).items()}
    save_file(halves, plain, metadata={"format": "pt"})
    exact = load_language_model(find_checkpoint(lora), placement("cpu", "float32")).state_dict()
    merge(lora, None, tmp_path / "kept")
    merge(lora, None, tmp_path / "wide", dtype="float32")
    kept = load_file(tmp_path / "kept" / "model.safetensors")
    wide = load_file(tmp_path / "wide" / "model.safetensors")
    projector = {name for name in kept if "mm_projector" in name}
    assert {torch.float32} == {tensor.dtype for tensor in wide.values()}
    for name, tensor in exact.items():
        assert torch.equal(tensor, wide[name])
        assert torch.equal(tensor.half(), kept[name])
    assert {torch.float32} == {kept[name].dtype for name in projector}
    dtypes = [
        json.loads((tmp_path / name / "config.json").read_text())["dtype"]
        for name in ("kept", "wide")
    ]
    assert ["float16", "float32"] == dtypes


def test_shards_hold_no_more_than_they_may(tmp_path: Path) -> None:
    lora = adapter(tmp_path)
    expected = reports(loaded(lora))
    merge(lora, None, tmp_path / "whole", shard_bytes=60_000)
    shards = find_weights(tmp_path / "whole")
    assert 5 < len(shards)
    for shard in shards:
        tensors = load_file(shard)
        assert len(tensors) == 1 or sum(one.nbytes for one in tensors.values()) <= 60_000
    assert expected == reports(loaded(tmp_path / "whole"))


def test_the_template_of_a_name_stays_when_the_name_changes(tmp_path: Path) -> None:
    lora = adapter(tmp_path).rename(tmp_path / "Med-CXRGen-mine")
    config = json.loads((lora / "config.json").read_text())
    del config["harness_template"]
    (lora / "config.json").write_text(json.dumps(config))
    assert "libra_v0" == loaded(lora).template.name
    merge(lora, None, tmp_path / "whole")
    assert "libra_v0" == loaded(tmp_path / "whole").template.name


def test_an_adapter_that_does_not_fit_its_base_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    lora = adapter(tmp_path / "one")
    other = new_projector(tmp_path / "other", "libra", intermediate_size=40)["language_model"]
    with pytest.raises(InputError, match=r"wrong shape +model\.layers\.0\.mlp"):
        merge(lora, other, tmp_path / "whole")
    assert not (tmp_path / "whole").exists() or not list((tmp_path / "whole").iterdir())


def test_what_cannot_be_merged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is whole already"):
        merge(folder("full"), None, tmp_path / "whole")
    with pytest.raises(InputError, match="Unknown dtype 'int8'"):
        merge(folder("lora"), base("lora"), tmp_path / "whole", dtype="int8")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "a.txt").write_text("")
    with pytest.raises(InputError, match=r"taken is not empty"):
        merge(folder("lora"), base("lora"), tmp_path / "taken")
    with pytest.raises(MissingError, match="holds no weights of a whole model"):
        merge(folder("lora"), tmp_path / "taken", tmp_path / "whole")


def test_a_full_disk_leaves_the_output_empty(tmp_path: Path) -> None:
    with disk_of(50_000), pytest.raises(InputError, match=r"Cannot write .*whole"):
        merge(folder("lora"), base("lora"), tmp_path / "whole")
    assert [] == list((tmp_path / "whole").iterdir())
    merge(folder("lora"), base("lora"), tmp_path / "whole")


def test_a_stage_can_start_from_a_merged_checkpoint(tmp_path: Path) -> None:
    merge(adapter(tmp_path), None, tmp_path / "whole")
    read = recipe({"checkpoint": str(tmp_path / "whole")}, {"trains": ["lora"]})
    assert "lora" == load_learner(read, read.stages[0], None, "cpu").layout


_MERGE = """
import resource, sys
import peft, transformers.models.llama.modeling_llama
from models.training.tuning.merge import merge
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
merge(sys.argv[1], None, sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_merge_takes_the_memory_of_a_part_of_the_base(tmp_path: Path) -> None:
    sizes = {"hidden_size": 1024, "intermediate_size": 2048, "num_hidden_layers": 24}
    lora = adapter(tmp_path, **sizes)
    plain = tmp_path / "plain-libra"
    tensors = load_file(plain / "model.safetensors")
    total = sum(tensor.nbytes for tensor in tensors.values())
    shards: list[dict[str, torch.Tensor]] = [{} for _ in range(12)]
    for number, (name, tensor) in enumerate(tensors.items()):
        shards[number * 12 // len(tensors)][name] = tensor
    places: dict[str, str] = {}
    for number, shard in enumerate(shards):
        save_file(shard, plain / f"{number}.safetensors", metadata={"format": "pt"})
        places |= dict.fromkeys(shard, f"{number}.safetensors")
    (plain / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": places}
    (plain / "model.safetensors.index.json").write_text(json.dumps(index))
    words = [sys.executable, "-c", _MERGE, str(lora), str(tmp_path / "whole")]
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    assert int(ended.stdout) * 1024 < 0.4 * total
