"""How many operations a stage of phantom training takes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from models.training.operations import (
    LanguageTraining,
    Operations,
    count_numbers,
    language_operations,
    patches_of,
    product,
    projector_operations,
    tower_operations,
)
from models.training.phantom.parts import Parts
from models.training.phantom.recipe import Stage
from models.training.phantom.targets import LesionHead
from models.training.phantom.tasks import projector_head


@dataclass(frozen=True)
class Example:
    """What a language model reads with an image: tokens around it, and tokens of the report."""

    prompt: int
    report: int


def operations_of(
    stage: Stage, parts: Parts, sites: int, rank: int, example: Example
) -> Operations:
    """Return what one example costs in a stage, both passes.

    Parameters
    ----------
    stage
        What is learned and trained.
    parts
        The model, on any device (``meta`` will do).
    sites
        How many findings the auxiliary targets tell of.
    rank
        Of the LoRA adapters, for a stage that trains them.
    example
        How long the texts are.
    """
    patches = patches_of(parts.tower)
    if stage.learns == "lesions":
        trained = "tower" in stage.trains
        reader = LesionHead(parts.tower.config.hidden_size, sites)
        return tower_operations(parts.tower, trained) + _head(reader, patches)
    trained = "projector" in stage.trains
    training = LanguageTraining(
        trained="language_model" in stage.trains,
        rank=rank if "lora" in stage.trains else 0,
        from_input=trained,
    )
    tokens = example.prompt + patches + example.report - 1
    language_model = language_operations(parts.language_model, training, tokens, example.report)
    if stage.learns == "wording":
        return language_model
    head = projector_head(parts.projector, parts.language_model.config.hidden_size, sites)
    seen = projector_operations(parts.projector, patches, trained) + _head(head, patches)
    return seen if stage.learns == "changes" else seen + language_model


def _head(head: nn.Module, patches: int) -> Operations:
    """Return what a head costs; its norm learns, so that its inputs need gradients too."""
    once = sum(
        count_numbers(module)
        for name, module in head.named_modules()
        if name.endswith(("pooled", "has_prior"))
    )
    return product(once, 1, flows=True, trained=True) + product(
        count_numbers(head) - once, patches, flows=True, trained=True
    )
