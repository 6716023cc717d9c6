"""The stages of a recipe, one after the other, with a state after each to resume from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.errors import InputError
from models.images.preprocess import Preprocessor
from models.libra.language_model import quiet_transformers
from models.training.phantom.export import GreyScale, preprocessor_settings
from models.training.phantom.lessons import Lessons
from models.training.phantom.parts import (
    CONTEXT_LENGTH,
    build_parts,
    start_projector,
    tower_as_read,
    whiten_patches,
)
from models.training.phantom.recipe import LoraShape, Recipe, Stage
from models.training.phantom.targets import FindingTargets, LesionHead
from models.training.phantom.tasks import (
    LesionTask,
    Material,
    PairTask,
    ReportTask,
    WordingTask,
    Writer,
    projector_head,
)
from models.training.phantom.trainer import Advance, StageTrainer
from models.training.phantom.vocabulary import (
    TokenizedReports,
    build_tokenizer,
    slots_of,
    tokenize_reports,
)
from models.training.training_log import TrainingLog

_AT_ONCE = 64  # images that pass the finished tower together
_WITH_FEATURES = ("changes", "reports")  # what is learned from the finished tower's features
_SOME = 200  # images that a projector's start is fitted to
_LORA_ON = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Course:
    """A model on its way through the stages of a recipe.

    Parameters
    ----------
    recipe, lessons
        What is done, and with what.
    work
        The folder of states and the log.
    resume
        Skip stages whose final state is in ``work``.
    """

    def __init__(self, recipe: Recipe, lessons: Lessons, work: Path, resume: bool) -> None:
        self._recipe, self._work, self._resume = recipe, work, resume
        self.log = TrainingLog(work / "log.jsonl")
        self.tokenizer = build_tokenizer(lessons.reports, recipe.language_model.vocabulary)
        torch.manual_seed(recipe.seed)
        self.parts = build_parts(recipe, len(self.tokenizer))
        hidden, sites = recipe.language_model.width, lessons.sites
        self._lesion_head = LesionHead(recipe.tower.width, sites)
        self._pair_head = projector_head(self.parts.projector, hidden, sites)
        grey = lessons.images / 255
        scale = GreyScale(round(float(grey.mean()), 4), round(float(grey.std()), 4))
        self.preprocessor = preprocessor_settings(recipe.tower.image_size, scale)
        self._material = self._prepared(lessons)
        whiten_patches(self.parts.tower, self._material.pixels)
        self._features: Tensor | None = None
        self._connected = False

    def take(self, number: int, advance: Advance) -> None:
        """Train one stage, or take its final state over from an interrupted run."""
        stage = self._recipe.stages[number]
        place = self._work / f"{number}-{stage.name}"
        state = place.with_name(f"{place.name}.safetensors")
        if self._resume and state.is_file():
            load_into(self._modules(), state)
            self._connected |= stage.learns in _WITH_FEATURES
            advance(stage.steps)
            return
        begun = time.process_time()
        seed = self._recipe.seed + 1 + number
        torch.manual_seed(seed)
        task, items = self.task(stage)
        done = StageTrainer(task, stage, items, place, seed, self.log, advance).run(self._resume)
        if "lora" in stage.trains:
            adapted: Any = self.parts.language_model
            self.parts.language_model = adapted.merge_and_unload()
        spent = {"cpu_s": round(time.process_time() - begun, 1)}
        # the seconds are then those since that step
        resumed = {"resumed_at": done} if done else {}
        self.log.write({"stage": stage.name, "step": stage.steps, **spent, **resumed})
        draft = state.with_suffix(".part")
        save_file(state_of(self._modules()), draft)
        draft.replace(state)

    def task(self, stage: Stage) -> tuple[nn.Module, int]:
        """Return what a stage trains, with all else frozen, and how many lessons it has."""
        material, parts = self._material, self.parts
        adapters = self._recipe.lora if "lora" in stage.trains else None
        if adapters is not None:
            parts.language_model = with_adapters(parts.language_model, adapters)
        for name, part in parts.named().items():
            if not (name == "language_model" and "lora" in stage.trains):
                part.requires_grad_(name in stage.trains)
        if stage.learns == "lesions":
            self._features = None
            return LesionTask(parts.tower, self._lesion_head, material), len(material.pixels)
        writer = Writer(parts.language_model, material.reports, stage.temporal_weight)
        studies = len(material.lessons)
        if stage.learns == "wording":
            patches = material.lessons.coverage.shape[1]
            return WordingTask(writer, material, patches), studies
        pairs = PairTask(parts.projector, self._pair_head, self._tower_features(), material)
        if stage.learns == "changes":
            return pairs, studies
        return ReportTask(pairs, writer, stage.auxiliary_weight), studies

    def _tower_features(self) -> Tensor:
        if self._features is None:
            tower = tower_as_read(self.parts, self._recipe).eval()
            pixels = self._material.pixels
            starts = range(0, len(pixels), _AT_ONCE)
            features = [tower(pixels[start : start + _AT_ONCE]).half() for start in starts]
            self._features = torch.cat(features)
        if not self._connected:
            start_projector(self.parts.projector, self._features[:_SOME])
            self._connected = True
        return self._features

    def _prepared(self, lessons: Lessons) -> Material:
        preprocess = Preprocessor(self.preprocessor)
        images = [Image.fromarray(grey).convert("RGB") for grey in lessons.images]
        pixels = np.stack([preprocess(image) for image in images])
        reports = tokenize_reports(self.tokenizer, lessons.reports)
        _check_length(reports, lessons.coverage.shape[1])
        return Material(
            lessons,
            FindingTargets(lessons),
            reports,
            torch.from_numpy(pixels).half(),
            slots_of(self.tokenizer, lessons.statements),
        )

    def _modules(self) -> dict[str, nn.Module]:
        return {**self.parts.named(), "lesions": self._lesion_head, "pairs": self._pair_head}


def _check_length(reports: TokenizedReports, patches: int) -> None:
    prompt = len(reports.before) + patches + len(reports.after)
    longest = reports.ids.shape[1]
    if prompt + longest > CONTEXT_LENGTH:
        raise InputError(
            f"The longest report has {longest} tokens, after {prompt} of prompt and image: more "
            f"than the {CONTEXT_LENGTH} that the language model is made for. Shorten reports, "
            "raise language_model.vocabulary, or take larger patches."
        )


def with_adapters(language_model: Any, shape: LoraShape) -> Any:
    """Return the language model with LoRA adapters on all its matrices, nothing else trained."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=shape.rank, lora_alpha=shape.alpha, target_modules=_LORA_ON, task_type="CAUSAL_LM"
    )
    with quiet_transformers():
        return get_peft_model(language_model, config)


def state_of(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Return all tensors of some modules under ``module.tensor`` names."""
    return {
        f"{name}.{key}": tensor.contiguous()
        for name, module in modules.items()
        for key, tensor in module.state_dict().items()
    }


def load_into(modules: Mapping[str, nn.Module], file: Path) -> None:
    """Take over the tensors that `state_of` gave."""
    tensors = load_file(file)
    for name, module in modules.items():
        prefix = f"{name}."
        module.load_state_dict(
            {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
        )
