"""Training recipes: what a YAML file says of data, sizes and stages."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from models.errors import InputError
from models.options import read_options
from models.training.phantom.recipe_checks import check_recipe

Part = Literal["tower", "projector", "language_model", "lora"]
Subject = Literal["lesions", "changes", "wording", "reports"]


def _number(value: Any) -> Any:
    """Take 3e-3 for the number that it is; YAML reads it as text, for want of a point."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]

_CLOSED: dict[str, str] = {"extra": "forbid"}


@dataclass(frozen=True)
class Data:
    """Which phantoms are learned from: ``studies`` drawn out of ``drawn_from``, of one seed.

    The draw favours studies that show much and changed much. ``valid_studies`` are the first of
    another seed's validation split, as they come.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    seed: Seed
    studies: Count
    drawn_from: Count
    valid_seed: Seed
    valid_studies: Count


@dataclass(frozen=True)
class TowerShape:
    """A Dinov2 tower; ``layer_scale`` is how strongly each block speaks at first."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    width: Count
    layers: Count
    heads: Count
    mlp_ratio: Count
    patch_size: Count
    image_size: Count
    layer_scale: Positive = 1.0


@dataclass(frozen=True)
class LanguageShape:
    """A LLaMA; ``vocabulary`` is the most tokens that its tokenizer may have."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    width: Count
    layers: Count
    heads: Count
    feed_forward: Count
    vocabulary: Annotated[int, Field(ge=261)]


@dataclass(frozen=True)
class LoraShape:
    """Rank and scale of the adapters that a stage with ``lora`` trains, merged at its end."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    rank: Count
    alpha: Count


@dataclass(frozen=True)
class Stage:
    """One training run.

    ``learns``: where the lesions of one image are (``lesions``); what a pair of images shows and
    how it changed (``changes``); reports from the findings in words, without images
    (``wording``); reports from a pair of images (``reports``). ``auxiliary_weight`` adds the
    target of ``changes`` to that of ``reports``; words of change count ``temporal_weight`` times.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    name: Name
    learns: Subject
    trains: tuple[Part, ...]
    steps: Count
    batch_size: Count
    learning_rate: Positive
    auxiliary_weight: Weight = 0.0
    temporal_weight: Weight = 1.0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights of a model, but the machine."""

    name: Name
    seed: Seed
    data: Data
    tower: TowerShape
    projector: str
    language_model: LanguageShape
    stages: tuple[Stage, ...]
    lora: LoraShape | None = None

    @property
    def reads_prior(self) -> bool:
        """Whether the model looks at a prior image at all."""
        return self.projector == "TAC"


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    entries = files("models.recipes").iterdir()
    return sorted(entry.name[:-5] for entry in entries if entry.name.endswith(".yaml"))


def find_recipe(given: str) -> Path:
    """Return the file of a recipe: a path, or the name of one that comes with the package.

    Raises
    ------
    InputError
        If there is none; the message lists the names.
    """
    path = Path(given).expanduser()
    if path.is_file():
        return path
    name = given.removesuffix(".yaml")
    if name in recipe_names():
        return Path(str(files("models.recipes").joinpath(f"{name}.yaml")))
    raise InputError(
        f"There is no recipe {given!r}. Give a path or one of: {', '.join(recipe_names())}."
    )


def read_recipe(path: Path) -> Recipe:
    """Read a recipe and check that its stages can follow one another.

    Raises
    ------
    InputError
        If the file cannot be read, a key is unknown or missing, a value is of the wrong type or
        out of range, or a stage trains what it does not use.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    # a ValueError: no UTF-8, or a date that does not exist
    except (OSError, ValueError, yaml.YAMLError) as error:
        place = getattr(error, "problem_mark", None)
        line = f" line {place.line + 1}" if place else ""
        raise InputError(f"{path}{line} cannot be read as YAML. Mend the file.") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"{path} must hold an object with the keys of a recipe.")
    recipe = read_options(Recipe, content, str(path))
    check_recipe(recipe, path)
    return recipe
