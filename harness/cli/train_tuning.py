"""``train`` for recipes that tune a model that there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.training.tuning.recipe import TuningRecipe


def train(recipe: TuningRecipe, output: Path, resume: bool, as_json: bool) -> None:
    """Train all stages, and print what the last one's validation says."""
    raise NotImplementedError


def show_plan(recipe: TuningRecipe, as_json: bool) -> None:
    """Print parameters, steps, memory and GPU-hours of each stage."""
    raise NotImplementedError
