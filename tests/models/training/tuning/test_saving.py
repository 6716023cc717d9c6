"""What a stage saves, read again by `models.load`."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import models
from models.errors import InputError
from models.libra.reporter import LibraReporter
from models.training.tuning import publishing
from models.training.tuning.saving import save_stage, saved_names
from models.training.tuning.start import Started
from tests.models.libra.golden_models import copied
from tests.models.libra.test_families import microsoft
from tests.models.training.tuning.start_points import (
    FAMILIES,
    new_projector,
    plain_model,
    recipe,
    reporter,
    reports,
    started,
    trained,
)

TRAINS = {
    "projector": ["projector"],
    "lora": ["lora"],
    "lora and projector": ["projector", "lora"],
    "full": ["projector", "language_model"],
}


def loaded(folder: Path, base: Path | None = None) -> LibraReporter:
    return models.load(folder, base, device="cpu", dtype="float32")


def same_reports(expected: LibraReporter, made: LibraReporter) -> None:
    """Compare texts and ids exactly, and beams' scores as far as a merge rounds."""
    for wanted, found in zip(reports(expected), reports(made), strict=True):
        for one, other in zip(wanted, found, strict=True):
            assert one["token_ids"] == other["token_ids"]
            assert one["text"] == other["text"]
            assert (other["score"] or 0) == pytest.approx(one["score"] or 0, rel=1e-5)


def saved(one: Started, folder: Path) -> Path:
    """Save a stage from the tensors alone that it says it needs."""
    state = one.learner.state_dict()
    save_stage(folder, one, {name: state[name] for name in saved_names(one)})
    return folder


@pytest.mark.parametrize(
    ("family", "trains"),
    [
        *[(family, trains) for family in FAMILIES for trains in ("lora", "full")],
        ("libra_gemma", "projector"),
        ("libra_gemma", "lora and projector"),
    ],
)
def test_what_was_trained_writes_the_same_reports_when_it_is_loaded(
    family: str, trains: str, tmp_path: Path
) -> None:
    projector = "TAC" if trains != "lora and projector" else "mlp2x_gelu"
    read = recipe(new_projector(tmp_path, family, projector), {"trains": TRAINS[trains]})
    one = trained(started(read))
    made = loaded(saved(one, tmp_path / "out"))
    same_reports(reporter(one), made)
    layout = "lora" if trains.startswith("lora") else trains
    assert layout == one.layout == made.record["layout"]


def test_a_second_stage_of_adapters_keeps_the_projector_of_the_first(tmp_path: Path) -> None:
    """The original's stage 2 saves none, so that nothing but the base model is left of it."""
    start = new_projector(tmp_path, "libra")
    read = recipe(start, {"trains": ["projector"]}, {"trains": ["lora"]})
    first = trained(started(read))
    expected = {name: one.clone() for name, one in first.learner.mm_projector.state_dict().items()}
    second = trained(started(read, saved(first, tmp_path / "first"), stage=1))
    folder = saved(second, tmp_path / "second")
    shutil.rmtree(tmp_path / "first")
    made = loaded(folder)
    for name, tensor in made.model.mm_projector.state_dict().items():
        assert torch.equal(expected[name], tensor), name
    same_reports(reporter(second), made)


def test_stages_follow_one_another_through_every_layout(tmp_path: Path) -> None:
    read = recipe(
        new_projector(tmp_path, "libra_gemma"),
        {"trains": ["projector"]},
        {"trains": ["projector", "lora"]},
        {"trains": ["language_model"]},
        {"trains": ["projector"]},
        {"trains": ["lora"]},
    )
    source, layouts = None, []
    for number in range(len(read.stages)):
        one = trained(started(read, source, number), rate=0.1)
        source = saved(one, tmp_path / f"stage{number}")
        layouts.append(one.layout)
        same_reports(reporter(one), loaded(source))
    assert ["projector", "lora", "full", "projector", "lora"] == layouts


@pytest.mark.parametrize("trains", TRAINS)
@pytest.mark.parametrize("own", ["llavamed_mistral", "microsoft"])
def test_an_adapted_tower_stays_with_its_model(own: str, trains: str, tmp_path: Path) -> None:
    checkpoint = microsoft(tmp_path) if own == "microsoft" else copied(own, tmp_path)
    one = trained(started(recipe({"checkpoint": str(checkpoint)}, {"trains": TRAINS[trains]})))
    made = loaded(saved(one, tmp_path / "elsewhere" / "out"))
    assert "the checkpoint's own" == made.record["vision_tower"]
    same_reports(reporter(one), made)


def test_a_whole_checkpoint_needs_none_of_what_it_was_made_from(tmp_path: Path) -> None:
    start = new_projector(tmp_path / "parts", "libra")
    tower = shutil.copytree(start["vision_tower"], tmp_path / "parts" / "my_tower")
    read = recipe({**start, "vision_tower": str(tower)}, {"trains": TRAINS["full"]})
    one = trained(started(read))
    folder = saved(one, tmp_path / "out")
    expected = reports(reporter(one))
    shutil.rmtree(tmp_path / "parts")
    elsewhere = (tmp_path / "out").rename(tmp_path / "moved")
    assert expected == reports(loaded(elsewhere))
    assert not folder.exists()


def test_config_says_how_it_was_trained(tmp_path: Path) -> None:
    stage = {
        "trains": ["lora"],
        "model_max_length": 77,
        "data": {"train": ["a.jsonl"], "context": ["indication"]},
    }
    one = started(recipe(new_projector(tmp_path, "libra_phi3"), stage, template="conv_phi3"))
    made = loaded(saved(one, tmp_path / "out"))
    assert ("indication",) == made.checkpoint.config.context_sections
    assert "conv_phi3" == made.template.name
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    expected = {
        "model_type": "libra_phi3",
        "architectures": ["LibraPhi3ForCausalLM"],
        "mm_projector_type": "TAC",
        "mm_vision_select_layer": "all",
        "mm_hidden_size": 24,
        "mm_use_im_patch_token": False,
        "tune_mm_mlp_adapter": False,
        "freeze_mm_mlp_adapter": True,
        "tokenizer_model_max_length": 77,
    }
    assert expected == {name: config[name] for name in expected}


def test_files_have_the_names_of_the_original_s_tensors(tmp_path: Path) -> None:
    start = new_projector(tmp_path, "libra")
    aligned = saved(started(recipe(start, {"trains": ["projector"]})), tmp_path / "aligned")
    named = torch.load(aligned / "mm_projector.bin", weights_only=True)
    assert "model.mm_projector.LFE_prior_bias" in named
    adapted = saved(started(recipe(start, {"trains": ["lora"]})), tmp_path / "adapted")
    named = torch.load(adapted / "non_lora_trainables.bin", weights_only=True)
    assert "base_model.model.model.mm_projector.LFE_prior_bias" in named
    settings = json.loads((adapted / "adapter_config.json").read_text())
    assert str(start["language_model"]) == settings["base_model_name_or_path"]
    assert settings["inference_mode"]
    assert sorted(settings["target_modules"]) == settings["target_modules"]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_whole_model_is_saved_in_the_precision(precision: str, tmp_path: Path) -> None:
    stage = {"trains": TRAINS["full"], "precision": precision}
    one = started(recipe(new_projector(tmp_path, "libra_qwen2"), stage))
    made = loaded(saved(one, tmp_path / "out"))
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    expected = one.learner.state_dict()
    found = made.model.language_model.state_dict()
    for name, tensor in found.items():
        rounded = expected[f"language_model.{name}"].to(dtype).float()
        assert torch.equal(rounded, tensor), name
    for name, tensor in made.model.mm_projector.state_dict().items():
        assert torch.equal(expected[f"mm_projector.{name}"], tensor), name


@contextmanager
def disk_of(size_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size, as a full disk or a quota would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("trains", TRAINS)
def test_a_full_disk_leaves_what_was_saved_before(trains: str, tmp_path: Path) -> None:
    read = recipe(new_projector(tmp_path, "libra"), {"trains": TRAINS[trains]})
    one = trained(started(read))
    folder = saved(one, tmp_path / "out")
    (folder / "states").mkdir()
    expected = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    trained(one)
    with disk_of(20_000), pytest.raises(InputError, match=r"Cannot write .*out"):
        saved(one, folder)
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert expected == found
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    saved(one, folder)
    same_reports(reporter(one), loaded(folder))
    assert (folder / "states").is_dir()


def test_a_process_killed_while_files_take_their_places_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = started(recipe(new_projector(tmp_path, "libra"), {"trains": ["lora"]}))
    folder = saved(one, tmp_path / "out")
    trained(one)
    moved: list[Any] = []
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if len(moved) == 2:
            raise KeyboardInterrupt
        moved.append(target)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        saved(one, folder)
    monkeypatch.undo()
    publishing.finish_publishing(folder)
    same_reports(reporter(one), loaded(folder))
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_process_killed_while_it_writes_leaves_what_was_there(tmp_path: Path) -> None:
    def kill(scratch: Path) -> None:
        (scratch / "config.json").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), publishing.published(tmp_path) as scratch:
        kill(scratch)
    assert [] == list(tmp_path.iterdir())
    (tmp_path / ".unfinished-0").mkdir()
    with publishing.published(tmp_path) as scratch:
        (scratch / "config.json").write_text("whole")
    assert ["config.json"] == [path.name for path in tmp_path.iterdir()]


def test_a_projector_s_base_can_be_another(tmp_path: Path) -> None:
    one = started(recipe(new_projector(tmp_path, "libra"), {"trains": ["projector"]}))
    folder = saved(one, tmp_path / "out")
    other = plain_model(tmp_path / "other", "libra")
    notes = loaded(folder).record["notes"]
    assert [f"the base is the one that config.json names ({one.base})"] == notes
    assert [] == loaded(folder, other).record["notes"]
