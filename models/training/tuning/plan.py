"""What tuning by a recipe will do and cost, without weights, data or GPUs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from models.training.operations import Operations
from models.training.tuning.activations import record_activations
from models.training.tuning.gpus import GPUS
from models.training.tuning.memory import DeviceMemory, States, memory_table
from models.training.tuning.recipe import TuningRecipe, TuningStage
from models.training.tuning.shapes import Parts, build_parts
from models.training.tuning.stage_sizes import (
    PartParameters,
    encoding_operations,
    part_parameters,
    record_operations,
)

UTILISATION = 0.35
"""The share of a GPU's peak that training is taken to reach, operations done again included.

Libra's authors trained 385 and 213 hours on one A6000: about 0.4 and 0.3 of its peak.
"""


@dataclass(frozen=True)
class Records:
    """How many training records there are, and how long their texts are on average, in tokens.

    ``prompt`` is all text around the image, ``answer`` what is learned. The defaults are a
    template with its system text, an instruction and a short clinical context, and a report's
    findings: the image of 1,369 tokens outweighs them.
    """

    count: int | None
    prompt: int = 128
    answer: int = 100


@dataclass(frozen=True)
class PublishedPlan:
    """What the authors say a stage took, and what that says of their GPU.

    ``utilisation`` is the share of its peak that they reached by the plan's operations; ``mfu``
    leaves out those done again, as the log of training does.
    """

    device: str
    devices: int
    hours: float
    gpu_hours: float
    utilisation: float | None
    mfu: float | None


@dataclass(frozen=True)
class PlannedStage:
    """A stage in numbers; None where they depend on how many records there are.

    Parameters
    ----------
    records, devices, updates
        Training records of an epoch; devices that the updates are counted for; updates.
    record_tokens, record_learnt
        Tokens that the language model reads of a record, patches among them, and those learned.
    tokens, learnt
        The same of the whole stage.
    record_operations, operations
        Floating point operations of one record and of the whole stage.
    memory
        Of each device, for one and for eight.
    gpu_hours
        By GPU, at ``UTILISATION`` of its peak; validation is left out.
    """

    name: str
    trains: tuple[str, ...]
    records: int | None
    devices: int
    updates: int | None
    record_tokens: int
    record_learnt: int
    tokens: int | None
    learnt: int | None
    parameters: tuple[PartParameters, ...]
    record_operations: Operations
    operations: float | None
    memory: tuple[DeviceMemory, ...]
    gpu_hours: Mapping[str, float] | None
    published: PublishedPlan | None


@dataclass(frozen=True)
class TuningPlan:
    """A recipe's stages in numbers, and what was assumed."""

    name: str
    stages: tuple[PlannedStage, ...]
    assumptions: tuple[str, ...]


def plan_tuning(recipe: TuningRecipe, records: Mapping[str, Records] | None = None) -> TuningPlan:
    """Return the sizes, memory and cost of a recipe's stages, computed on the ``meta`` device.

    Parameters
    ----------
    recipe
        What is to be trained.
    records
        By a stage's name, records that have been counted; else there are as many as the recipe
        expects.

    Raises
    ------
    InputError
        If the parts do not fit together.
    MissingError
        If the shape of a part is not known and its config file not on this machine.
    """
    parts = build_parts(recipe.start)
    counted = records or {}
    stages = tuple(
        _planned(
            recipe, stage, parts, counted.get(stage.name, Records(recipe.data_of(stage).expected))
        )
        for stage in recipe.stages
    )
    return TuningPlan(recipe.name, stages, _assumptions(recipe, counted, parts))


def _planned(
    recipe: TuningRecipe, stage: TuningStage, parts: Parts, records: Records
) -> PlannedStage:
    devices = stage.published.devices if stage.published else 1
    updates = _updates(stage, records.count, devices)
    seen = _seen(stage, records.count, updates, devices)
    length = records.prompt + parts.vision_tower.num_patches + records.answer
    operations = record_operations(parts, stage, recipe.lora, length, records.answer)
    total = None if seen is None else _whole(operations, stage, parts, records.count, seen)
    activations = record_activations(parts, stage, recipe.lora, length, records.answer)
    groups = part_parameters(parts, stage, recipe.lora)
    memory = memory_table(
        _states(groups),
        stage.batch_size * activations.kept(stage.gradient_checkpointing),
        stage.precision,
    )
    return PlannedStage(
        name=stage.name,
        trains=stage.trains,
        records=records.count,
        devices=devices,
        updates=updates,
        record_tokens=length,
        record_learnt=records.answer,
        tokens=None if seen is None else seen * length,
        learnt=None if seen is None else seen * records.answer,
        parameters=groups,
        record_operations=operations,
        operations=None if total is None else total.total,
        memory=tuple(memory),
        gpu_hours=None if total is None else _gpu_hours(total, stage),
        published=_published(stage, total),
    )


def _updates(stage: TuningStage, records: int | None, devices: int) -> int | None:
    """Return how many updates there are, as transformers' Trainer counts them."""
    if stage.max_steps is not None:
        return stage.max_steps
    if records is None:
        return None
    batches = math.ceil(records / (stage.batch_size * devices))
    return math.ceil(stage.epochs * math.ceil(batches / stage.accumulation))


def _seen(stage: TuningStage, records: int | None, updates: int | None, devices: int) -> int | None:
    """Return how many records are learned from, each as often as it is."""
    if stage.max_steps is None and records is not None:
        return math.ceil(stage.epochs * records)
    if updates is None:
        return None
    return updates * stage.batch_size * stage.accumulation * devices


def _whole(
    operations: Operations, stage: TuningStage, parts: Parts, records: int | None, seen: int
) -> Operations:
    """Return the operations of a stage; with a cache of features, images are encoded once."""
    spared = 0.0
    if stage.feature_cache and records is not None:
        spared = encoding_operations(parts) * max(seen - records, 0)
    return Operations(
        seen * operations.forward - spared,
        seen * operations.inputs,
        seen * operations.matrices,
        seen * operations.again,
    )


def _states(groups: tuple[PartParameters, ...]) -> States:
    frozen = {group.name: group.frozen for group in groups}
    return States(
        trained=sum(group.trained for group in groups),
        frozen_language=frozen["language_model"],
        frozen_projector=frozen["projector"],
        tower=frozen["vision_tower"],
    )


def _gpu_hours(total: Operations, stage: TuningStage) -> dict[str, float]:
    return {
        name: total.total / (UTILISATION * gpu.peak(stage.precision)) / 3600
        for name, gpu in GPUS.items()
    }


def _published(stage: TuningStage, total: Operations | None) -> PublishedPlan | None:
    said = stage.published
    if said is None:
        return None
    gpu_hours = said.hours * said.devices
    possible = GPUS[said.device].peak(stage.precision) * gpu_hours * 3600
    reached = mfu = None
    if total is not None:
        reached, mfu = total.total / possible, (total.total - total.again) / possible
    return PublishedPlan(said.device, said.devices, said.hours, gpu_hours, reached, mfu)


def _assumptions(
    recipe: TuningRecipe, counted: Mapping[str, Records], parts: Parts
) -> tuple[str, ...]:
    default = Records(None)
    found = [
        f"GPU-hours: {UTILISATION:.0%} of a GPU's peak, what is done again included; validation, "
        "loading and saving left out.",
        "Memory: what autograd keeps of a batch of average length, without the kernels' working "
        "memory; a GPU fits if a tenth of it stays free.",
    ]
    assumed = [stage.name for stage in recipe.stages if stage.name not in counted]
    if assumed or any(one == replace(default, count=one.count) for one in counted.values()):
        found.append(
            f"Texts: {default.prompt} tokens around the image and {default.answer} learned, on "
            "average."
        )
    if assumed:
        found.append(f"Records of {' and '.join(assumed)}: as many as the recipe expects.")
    if counted:
        found.append("Records that teach nothing are counted too: training finds and names them.")
    if parts.images == 2:
        found.append("Every record has a prior image to encode.")
    return tuple(found)
