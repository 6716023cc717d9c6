"""``train``: train a model by a recipe."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import JsonOption

_PACKAGES = ("torch", "transformers", "accelerate", "peft", "safetensors")


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A file, or a bundled name.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="What to make [the recipe's name]."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")
    ] = False,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Show stages, sizes and what they cost; train nothing."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model by a recipe: one of Libra's kind from its parts, or a toy from phantoms."""
    from harness.cli import train_phantom, train_tuning
    from models.training.recipe_files import find_recipe, read_recipe
    from models.training.tuning.recipe import TuningRecipe

    path = find_recipe(recipe)
    read = read_recipe(path)
    _check_packages()
    if isinstance(read, TuningRecipe):
        if plan:
            train_tuning.show_plan(read, _folder(path), as_json)
        else:
            train_tuning.train(read, _folder(path), output or Path(read.name), resume, as_json)
    elif plan:
        train_phantom.show_plan(read, as_json)
    else:
        train_phantom.train(read, output or Path(read.name), resume, as_json)


def _folder(recipe: Path) -> Path:
    """Return what paths in a recipe are relative to: its folder, or for a bundled one this one."""
    from models.training.recipe_files import BUNDLED

    return Path() if recipe.parent == BUNDLED else recipe.parent


def _check_packages() -> None:
    from models.errors import MissingError

    for package in _PACKAGES:
        if find_spec(package) is None:
            raise MissingError(
                f"Training needs the package {package}. Install it with "
                '`pip install "cxr-harness[models]"`.'
            )
