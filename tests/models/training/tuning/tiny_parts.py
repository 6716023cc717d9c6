"""Parts of a tiny model, and learners of them, as plans and their tests need them."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import peft
import torch
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel, Dinov2Config, Dinov2Model

from models.libra.projectors import build_projector
from models.libra.tower import VisionTower
from models.training.saved_parts import lora_targets
from models.training.tuning.learner import Learner
from models.training.tuning.recipe import Lora, TuningStage
from models.training.tuning.shapes import Parts
from tests.models.random_models import language_model

IMAGE_SIZE = 28
PATCH = 4
LORA = Lora(rank=3, alpha=6, dropout=0.0)


def tiny_parts(projector: str = "TAC", family: str = "Llama", **sizes: Any) -> Parts:
    """Return parts of a few thousand numbers: Dinov2 before a TAC, CLIP before others."""
    language = language_model(family, **{"num_key_value_heads": 2, **sizes})
    reads_all = projector == "TAC"
    shape = {
        "hidden_size": 16,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "patch_size": PATCH,
        "image_size": IMAGE_SIZE,
    }
    encoder: Any
    if reads_all:
        encoder = Dinov2Model(Dinov2Config(**shape, mlp_ratio=2))
    else:
        encoder = CLIPVisionModel(CLIPVisionConfig(**shape, intermediate_size=40))
    encoder.set_attn_implementation("eager")
    layer: int | Literal["all"] = "all" if reads_all else -2
    tower = VisionTower(encoder.eval(), layer, "patch")
    config = language.config
    between = build_projector(
        projector, tower.width, config.hidden_size, config.num_attention_heads, tower.num_layers
    )
    return Parts(language, tower, between, projector)


def learner_of(parts: Parts, stage: TuningStage) -> Learner:
    """Return a learner of these parts, frozen and adapted as a stage wants it, in training."""
    language = parts.language_model
    language.set_attn_implementation(stage.attention)
    language.requires_grad_("language_model" in stage.trains)
    if "lora" in stage.trains:
        linear = [name for name, one in language.named_modules() if isinstance(one, nn.Linear)]
        config = peft.LoraConfig(
            r=LORA.rank,
            lora_alpha=LORA.alpha,
            target_modules=lora_targets(linear),
            task_type="CAUSAL_LM",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            language = peft.get_peft_model(language, config)
    if stage.gradient_checkpointing:
        parts.language_model.activation_checkpointing_enable({"use_reentrant": False})
    parts.projector.requires_grad_("projector" in stage.trains)
    return Learner(language, parts.vision_tower, parts.projector).train()


def batch(records: int, before: int, after: int, learnt: int) -> dict[str, torch.Tensor]:
    """Return a batch: so many ids around an image token, of which the last are learnt."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, 500, (records, before + 1 + after), generator=generator)
    labels = ids.clone()
    labels[:, : before + 1 + after - learnt] = -100
    ids[:, before] = -200
    return {
        "input_ids": ids,
        "labels": labels,
        "attention_mask": torch.ones_like(ids, dtype=torch.bool),
        "images": torch.randn(2, records, 3, IMAGE_SIZE, IMAGE_SIZE, generator=generator),
    }
