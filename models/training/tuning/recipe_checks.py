"""What the keys of a tuning recipe must have to do with one another."""

from __future__ import annotations

from pathlib import Path

from models.errors import InputError
from models.libra import prompts
from models.training.tuning.recipe import Start, TuningRecipe, TuningStage

_TAKEN = ("readme.md", "recipe.yaml", "training_log.jsonl")
"""What stands beside the stages' folders."""


def check_tuning(recipe: TuningRecipe, path: Path) -> None:
    """Refuse, with its place, what single keys cannot show to be wrong."""
    _check_start(recipe.start, path)
    if recipe.template not in prompts.templates():
        raise InputError(
            f"{path}: there is no conversation template {recipe.template!r}. Known are "
            f"{', '.join(prompts.templates())}."
        )
    if not recipe.stages:
        raise InputError(f"{path}: stages is empty. Name at least one stage.")
    names = [stage.name for stage in recipe.stages]
    if recipe.data is not None and all(stage.data for stage in recipe.stages):
        raise InputError(
            f"{path}: data has no effect, since every stage has data of its own. Set it there: "
            f"stages: {{{names[0]}: {{data: …}}}}."
        )
    for number, stage in enumerate(recipe.stages):
        where = f"{path}, stages[{number}] ({stage.name})"
        others = [*_TAKEN, *(name.lower() for name in names[:number])]
        if stage.name.lower() in others:
            raise InputError(f"{where}: the name is taken. Names must differ, as folders do.")
        _check_stage(recipe, stage, where)


def _check_start(start: Start, path: Path) -> None:
    where = f"{path}, start"
    if start.checkpoint is not None:
        if start.language_model or start.vision_tower:
            raise InputError(
                f"{where}: give checkpoint, or language_model and vision_tower, not both."
            )
        return
    if start.base is not None:
        raise InputError(f"{where}: base goes with checkpoint. Call it language_model.")
    if start.language_model is None or start.vision_tower is None:
        raise InputError(f"{where}: give checkpoint, or language_model and vision_tower.")
    if (start.projector == "TAC") != (start.select_layer == "all"):
        wanted = "all" if start.projector == "TAC" else "the number of one"
        raise InputError(
            f"{where}: the projector {start.projector} does not go with select_layer "
            f"{start.select_layer}. Set it to {wanted}."
        )


def _check_stage(recipe: TuningRecipe, stage: TuningStage, where: str) -> None:
    if not stage.trains:
        raise InputError(f"{where}: trains is empty. It can train projector, lora, language_model.")
    if len(set(stage.trains)) < len(stage.trains):
        raise InputError(f"{where}: trains names a part twice.")
    if "lora" in stage.trains and "language_model" in stage.trains:
        raise InputError(f"{where}: trains names lora and language_model. Choose one of them.")
    if stage.projector_learning_rate is not None and "projector" not in stage.trains:
        raise InputError(
            f"{where}: projector_learning_rate has no effect, since the projector is frozen. Add "
            "projector to trains, or remove the key."
        )
    for key, every in (("evaluate_every", stage.evaluate_every), ("save_every", stage.save_every)):
        if every >= 1 and every != int(every):
            raise InputError(
                f"{where}: {key} is {every:g}. Give a share of all updates, below 1, or a whole "
                "number of updates."
            )
    data = stage.data or recipe.data
    if data is None:
        raise InputError(f"{where}: there is no data, neither here nor for the whole recipe.")
    if not data.train:
        raise InputError(f"{where}: data.train is empty. Name at least one file.")
    if not data.sections:
        raise InputError(f"{where}: data.sections is empty. It can hold findings, impression.")
    for key, names in (
        ("sections", data.sections),
        ("context", data.context or ()),
        ("train", data.train),
        ("valid", data.valid),
    ):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"{where}: data.{key} names {twice!r} twice. Keep one.")
    _check_validation(stage, bool(data.valid), where)


def _check_validation(stage: TuningStage, has_valid: bool, where: str) -> None:
    metrics = stage.validation.metrics
    if stage.best_by != "loss" and stage.best_by not in metrics:
        raise InputError(
            f"{where}: best_by {stage.best_by!r} is neither loss nor one of validation.metrics "
            f"({', '.join(metrics) or 'none'})."
        )
    wants = "patience" if stage.patience else "validation.metrics" if metrics else None
    if wants and not has_valid:
        raise InputError(f"{where}: {wants} needs studies to validate on. Name data.valid.")
