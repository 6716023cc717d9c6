"""What a stage trains, and what training on one record costs, from shapes alone."""

from __future__ import annotations

from dataclasses import dataclass

from models.training.operations import (
    LanguageTraining,
    Operations,
    adapter_parameters,
    count_parameters,
    language_operations,
    projector_operations,
    tower_operations,
)
from models.training.tuning.recipe import Lora, TuningStage
from models.training.tuning.shapes import Parts


@dataclass(frozen=True)
class PartParameters:
    """A group of parameters: its numbers that are trained and frozen, and its learning rate."""

    name: str
    trained: int
    frozen: int
    learning_rate: float | None


def part_parameters(parts: Parts, stage: TuningStage, lora: Lora) -> tuple[PartParameters, ...]:
    """Return the parameters of each part that a stage trains, and that it leaves frozen."""
    adapters = adapter_parameters(parts.language_model, lora.rank) if "lora" in stage.trains else 0
    # biases that are trained beside adapters are the language model's own
    own = _trained_biases(parts, lora) if adapters else 0
    whole, connector = count_parameters(parts.language_model), count_parameters(parts.projector)
    own = whole if "language_model" in stage.trains else own
    between = connector if "projector" in stage.trains else 0
    of_projector = stage.projector_learning_rate or stage.learning_rate
    found = [
        ("language_model", own, whole - own, stage.learning_rate),
        ("lora", adapters, 0, stage.learning_rate),
        ("projector", between, connector - between, of_projector),
        ("vision_tower", 0, count_parameters(parts.vision_tower), 0.0),
    ]
    return tuple(
        PartParameters(name, trained, frozen, rate if trained else None)
        for name, trained, frozen, rate in found
        if trained or frozen
    )


def record_operations(
    parts: Parts, stage: TuningStage, lora: Lora, tokens: int, learnt: int
) -> Operations:
    """Return what training on one record costs.

    Where the projector reads a prior, two images are encoded: that of a record without one is
    encoded once, and costs a little less. Of a cached tower this is the first epoch's cost.
    """
    tower = parts.vision_tower
    trained = "projector" in stage.trains
    training = LanguageTraining(
        trained="language_model" in stage.trains,
        rank=lora.rank if "lora" in stage.trains else 0,
        from_input=trained,
        checkpointed=stage.gradient_checkpointing,
    )
    return (
        Operations(encoding_operations(parts))
        + projector_operations(parts.projector, tower.num_patches, trained)
        # the last token predicts nothing, but is read
        + language_operations(parts.language_model, training, tokens, learnt)
    )


def encoding_operations(parts: Parts) -> float:
    """Return what encoding a record's images costs; a prior's counts, though not all have one."""
    return parts.images * tower_operations(parts.vision_tower.encoder, trained=False).forward


def _trained_biases(parts: Parts, lora: Lora) -> int:
    if lora.bias == "none":
        return 0
    # all layers with a bias are ones that get adapters, but for norms and the head
    module = parts.language_model if lora.bias == "all" else parts.language_model.model
    return sum(
        one.numel()
        for name, one in module.named_parameters()
        if name.endswith("bias") and (lora.bias == "all" or "norm" not in name)
    )
