"""What the keys of a recipe must have to do with one another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import InputError

if TYPE_CHECKING:
    from models.training.phantom.recipe import Part, Recipe, Subject

_USES: dict[Subject, frozenset[Part]] = {
    "lesions": frozenset(["tower"]),
    "changes": frozenset(["projector"]),
    "wording": frozenset(["language_model"]),
    "reports": frozenset(["projector", "language_model", "lora"]),
}


def check_recipe(recipe: Recipe, path: Path) -> None:
    """Refuse, with its place, what single keys cannot show to be wrong."""
    _check_sizes(recipe, path)
    _check_stages(recipe, path)


def _check_sizes(recipe: Recipe, path: Path) -> None:
    tower, language_model, data = recipe.tower, recipe.language_model, recipe.data
    if tower.image_size % tower.patch_size:
        raise InputError(
            f"{path}: tower.patch_size {tower.patch_size} does not divide image_size "
            f"{tower.image_size}."
        )
    if tower.width % tower.heads:
        raise InputError(f"{path}: tower.heads {tower.heads} does not divide width {tower.width}.")
    if language_model.width % (2 * language_model.heads):
        raise InputError(
            f"{path}: language_model.width {language_model.width} must be a multiple of twice its "
            f"heads, {language_model.heads}: positions are told by turning pairs of numbers."
        )
    if data.studies > data.drawn_from:
        raise InputError(
            f"{path}: data.studies {data.studies} cannot be drawn from data.drawn_from "
            f"{data.drawn_from}. Raise drawn_from."
        )


def _check_stages(recipe: Recipe, path: Path) -> None:
    if not recipe.stages:
        raise InputError(f"{path}: stages is empty. Name at least one stage.")
    names = [stage.name for stage in recipe.stages]
    for number, stage in enumerate(recipe.stages):
        where = f"{path}, stages[{number}]"
        if names.count(stage.name) > 1:
            raise InputError(f"{where}: the name {stage.name!r} is taken. Names must differ.")
        unused = sorted(set(stage.trains) - _USES[stage.learns])
        if unused or not stage.trains:
            said = f"does not use {unused[0]}" if unused else "trains nothing"
            allowed = ", ".join(sorted(_USES[stage.learns]))
            raise InputError(f"{where}: {stage.learns} {said}. It can train: {allowed}.")
        if "lora" in stage.trains and (recipe.lora is None or "language_model" in stage.trains):
            raise InputError(
                f"{where}: lora needs the key lora (rank, alpha), and a language model that this "
                "stage does not train otherwise."
            )
