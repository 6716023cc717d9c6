"""Recipes as files: found by name or path, extended, and read into what they say."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from models.errors import InputError
from models.options import read_options
from models.training.phantom.recipe import Recipe
from models.training.phantom.recipe_checks import check_recipe
from models.training.recipe_yaml import read_object
from models.training.tuning.recipe import TuningRecipe
from models.training.tuning.recipe_checks import check_tuning

BUNDLED = Path(str(files("models.recipes")))
"""Folder of the recipes that come with the package."""
_STAGES = "stages"


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(file.stem for file in BUNDLED.glob("*.yaml"))


def find_recipe(given: str) -> Path:
    """Return the file of a recipe: a path, or the name of one that comes with the package.

    Raises
    ------
    InputError
        If there is none; the message lists the names.
    """
    try:
        path = Path(given).expanduser()
        if path.is_file():
            return path
    except (OSError, RuntimeError):  # a name beyond the system's length, or an unknown ~user
        pass
    name = given.removesuffix(".yaml")
    if name in recipe_names():
        return BUNDLED / f"{name}.yaml"
    raise InputError(
        f"There is no recipe {given!r}. Give a path or one of: {', '.join(recipe_names())}."
    )


def read_recipe(path: Path) -> Recipe | TuningRecipe:
    """Read a recipe and check that its stages can follow one another.

    A recipe with ``start`` tunes a model that there is; any other makes a small one from phantoms.
    ``extends`` names the recipe whose keys hold where this one has none. Objects are merged key by
    key. ``stages`` may be an object of stages by their names: each changes the stage of that name,
    and a stage that is null is left out. A list of stages replaces all.

    Raises
    ------
    InputError
        If the file cannot be read, a key is unknown or missing, a value is of the wrong type or
        out of range, a recipe extends itself, or a stage trains what it does not use.
    """
    content = _extended(path, ())
    if "start" in content:
        tuning = read_options(TuningRecipe, content, str(path))
        check_tuning(tuning, path)
        return tuning
    recipe = read_options(Recipe, content, str(path))
    check_recipe(recipe, path)
    return recipe


def _extended(path: Path, before: tuple[Path, ...]) -> dict[str, Any]:
    """Return a recipe's keys over those of what it extends."""
    content = read_object(path)
    parent = content.pop("extends", None)
    if parent is None:
        return content
    if not isinstance(parent, str) or not parent:
        raise InputError(f"{path}: extends must be the name or path of a recipe.")
    found = _beside(path, parent) or find_recipe(parent)
    chain = (*before, path.resolve())
    if found.resolve() in chain:
        raise InputError(f"{path}: extends leads back to {found}. Break the circle.")
    return _merged(_extended(found, chain), content, path)


def _beside(path: Path, parent: str) -> Path | None:
    found = path.parent / parent
    try:
        return found if found.is_file() else None
    except OSError:  # a name beyond the system's length
        return None


def _merged(base: Mapping[str, Any], over: Mapping[str, Any], path: Path) -> dict[str, Any]:
    found = dict(base)
    for key, value in over.items():
        if key == _STAGES and isinstance(value, Mapping):
            found[key] = _changed_stages(base.get(_STAGES, []), value, path)
        elif isinstance(value, Mapping) and isinstance(found.get(key), Mapping):
            found[key] = _merged(found[key], value, path)
        else:
            found[key] = value
    return found


def _changed_stages(stages: Any, changes: Mapping[str, Any], path: Path) -> list[Any]:
    named = {
        stage["name"]: stage
        for stage in (stages if isinstance(stages, list) else [])
        if isinstance(stage, Mapping) and "name" in stage
    }
    for name, change in changes.items():
        if name not in named:
            raise InputError(
                f"{path}: stages changes {name!r}, but what it extends has the stages "
                f"{', '.join(named) or '(none)'}."
            )
        if change is None:
            del named[name]
        elif isinstance(change, Mapping):
            named[name] = _merged(named[name], change, path)
        else:
            raise InputError(f"{path}: stages.{name} must be an object with the keys of a stage.")
    return list(named.values())
