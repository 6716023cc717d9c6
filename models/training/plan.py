"""What a recipe will do and about how long it takes, without training."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from models.training.parts import build_parts, count_parameters
from models.training.recipe import Recipe, Stage

_OPERATIONS_PER_S = 3e10  # on one core of a server of 2024, in matrices as small as these
_TEXT = 65  # tokens of a prompt without its image, and of a report
_FORWARD, _BACKWARD = 2, 4  # operations per parameter and token


@dataclass(frozen=True)
class PlannedStage:
    """A stage in numbers; ``cpu_s`` is an estimate, good to a factor of two."""

    name: str
    learns: str
    steps: int
    batch_size: int
    trained: int
    cpu_s: int


@dataclass(frozen=True)
class Plan:
    """The parameters of each part, the size of the checkpoint's weights, and the stages."""

    parameters: dict[str, int]
    size_bytes: int
    stages: list[PlannedStage]


def plan_recipe(recipe: Recipe) -> Plan:
    """Return the sizes of a recipe's parts and an estimate of each stage.

    Raises
    ------
    InputError
        If the sizes do not fit together.
    """
    with torch.device("meta"):
        parts = build_parts(recipe, recipe.language_model.vocabulary)
    sizes = {name: count_parameters(part) for name, part in parts.named().items()}
    return Plan(
        parameters=sizes,
        size_bytes=2 * sum(sizes.values()),
        stages=[_planned(stage, recipe, sizes) for stage in recipe.stages],
    )


def _planned(stage: Stage, recipe: Recipe, sizes: dict[str, int]) -> PlannedStage:
    patches = (recipe.tower.image_size // recipe.tower.patch_size) ** 2
    both = _FORWARD + _BACKWARD
    work = {
        "lesions": sizes["tower"] * patches * both,
        "changes": 2 * sizes["projector"] * patches * both,
        "wording": sizes["language_model"] * (patches + _TEXT) * both,
        "reports": 2 * sizes["projector"] * patches * both
        + sizes["language_model"] * (patches + _TEXT) * both,
    }[stage.learns]
    trained = sum(sizes[part] for part in stage.trains if part in sizes)
    seconds = stage.steps * stage.batch_size * work / _OPERATIONS_PER_S
    return PlannedStage(
        stage.name, stage.learns, stage.steps, stage.batch_size, trained, round(seconds)
    )
