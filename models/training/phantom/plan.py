"""What a recipe will do and about how long it takes, without training."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from models.training.operations import adapter_parameters, count_parameters, tower_operations
from models.training.phantom.operations import Example, operations_of
from models.training.phantom.parts import Parts, build_parts
from models.training.phantom.recipe import Recipe, Stage

_PHANTOM = Example(prompt=21, report=69)
"""Tokens of `libra_v1` around the image, and of the longest of 16 phantom reports."""
_WITH_PROJECTOR = ("changes", "reports")
_IMAGES = 1.65  # of a study, priors among them, as often as they differ
# one core of a server of 2024, fitted to the stages of the bundled recipes
_OPERATIONS_PER_S = 4.8e10
_CONNECTOR_S = 0.004  # for an example, what TAC and its head do beside products of matrices


@dataclass(frozen=True)
class PlannedStage:
    """A stage in numbers.

    ``trained`` counts the parameters of what is named in ``trains``. ``operations`` are those of
    all steps, and of the finished tower's one pass over the images where it comes first.
    ``cpu_s`` is an estimate from them for recipes of about this size, good to a third.
    """

    name: str
    learns: str
    steps: int
    batch_size: int
    trained: int
    operations: float
    cpu_s: int


@dataclass(frozen=True)
class Plan:
    """The parameters of each part, the size of the checkpoint's weights, and the stages.

    The vocabulary is taken to be as large as the recipe allows.
    """

    parameters: dict[str, int]
    size_bytes: int
    stages: list[PlannedStage]


def plan_recipe(recipe: Recipe, sites: int) -> Plan:
    """Return the sizes of a recipe's parts and an estimate of each stage.

    ``sites`` is the number of findings that the auxiliary targets tell of.

    Raises
    ------
    InputError
        If the sizes do not fit together.
    """
    with torch.device("meta"):
        parts = build_parts(recipe, recipe.language_model.vocabulary)
        sizes = {name: count_parameters(part) for name, part in parts.named().items()}
        stages = [_planned(number, recipe, parts, sites) for number in range(len(recipe.stages))]
    return Plan(parameters=sizes, size_bytes=2 * sum(sizes.values()), stages=stages)


def _planned(number: int, recipe: Recipe, parts: Parts, sites: int) -> PlannedStage:
    stage = recipe.stages[number]
    rank = recipe.lora.rank if recipe.lora else 0
    named = parts.named()
    trained = sum(count_parameters(named[part]) for part in stage.trains if part in named)
    if "lora" in stage.trains:
        trained += adapter_parameters(parts.language_model, rank)
    examples = stage.steps * stage.batch_size
    operations = examples * operations_of(stage, parts, sites, rank, _PHANTOM).total
    if _reads_images_first(number, recipe.stages):
        images = _IMAGES * recipe.data.studies
        operations += images * tower_operations(parts.tower, trained=False).total
    seconds = operations / _OPERATIONS_PER_S
    if recipe.reads_prior and stage.learns in _WITH_PROJECTOR:
        seconds += examples * _CONNECTOR_S
    return PlannedStage(
        stage.name,
        stage.learns,
        stage.steps,
        stage.batch_size,
        trained,
        operations,
        round(seconds),
    )


def _reads_images_first(number: int, stages: tuple[Stage, ...]) -> bool:
    """Whether a stage needs features that no stage before has computed from the same tower."""
    if stages[number].learns not in _WITH_PROJECTOR:
        return False
    before = [stage.learns for stage in stages[:number] if stage.learns != "wording"]
    return not before or before[-1] == "lesions"
