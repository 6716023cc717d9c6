"""A plan of tuning as tables to print."""

from __future__ import annotations

from dataclasses import dataclass

from models.training.tuning.gpus import GPUS
from models.training.tuning.plan import PlannedStage, PublishedPlan, TuningPlan


@dataclass(frozen=True)
class PlanTable:
    """A table: its title, headers, and rows of texts."""

    title: str
    headers: list[str]
    rows: list[list[str]]


def plan_tables(plan: TuningPlan) -> list[PlanTable]:
    """Return the tables of a plan: stages, parameters, memory of a device, GPU-hours."""
    return [
        PlanTable(
            f"{plan.name}: stages",
            [
                "stage",
                "records",
                "updates",
                "devices",
                "tokens",
                "learned",
                "FLOPs a record",
                "FLOPs",
            ],
            [_stage(stage) for stage in plan.stages],
        ),
        PlanTable(
            "parameters",
            ["stage", "part", "trained", "frozen", "learning rate"],
            [
                [stage.name, part.name, f"{part.trained:,}", f"{part.frozen:,}", rate]
                for stage in plan.stages
                for part in stage.parameters
                for rate in ["-" if part.learning_rate is None else f"{part.learning_rate:g}"]
            ],
        ),
        *(_memory(stage) for stage in plan.stages),
        PlanTable(
            "GPU-hours",
            ["stage", *GPUS, "published", "of its peak", "MFU"],
            [_hours(stage) for stage in plan.stages],
        ),
    ]


def _stage(stage: PlannedStage) -> list[str]:
    numbers = (stage.records, stage.updates, stage.devices, stage.tokens, stage.learnt)
    operations = (stage.record_operations.total, stage.operations)
    return [
        stage.name,
        *("?" if one is None else f"{one:,}" for one in numbers),
        *("?" if one is None else f"{one:.2e}" for one in operations),
    ]


def _memory(stage: PlannedStage) -> PlanTable:
    headers = ["devices", "sharding", "weights", "gradients", "optimiser", "activations", "total"]
    rows = [
        [
            str(row.devices),
            row.sharding,
            *map(
                _gib,
                (row.weights, row.gradients, row.optimiser, row.activations, row.total, row.host),
            ),
            ", ".join(row.fits) or "none",
        ]
        for row in stage.memory
    ]
    return PlanTable(f"{stage.name}: GiB of a device", [*headers, "host", "fits"], rows)


def _hours(stage: PlannedStage) -> list[str]:
    hours = stage.gpu_hours or {}
    estimates = [f"{hours[name]:,.0f}" if name in hours else "?" for name in GPUS]
    return [stage.name, *estimates, *_published(stage.published)]


def _published(said: PublishedPlan | None) -> list[str]:
    if said is None:
        return ["-", "-", "-"]
    shares = [said.utilisation, said.mfu]
    return [
        f"{said.gpu_hours:g} ({said.device})",
        *("?" if share is None else f"{share:.0%}" for share in shares),
    ]


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f}"
