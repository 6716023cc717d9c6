"""A recipe small enough for tests, and lessons for it."""

from __future__ import annotations

from dataclasses import replace

from harness.training_data import draw_lessons
from models.training.phantom.lessons import Lessons
from models.training.phantom.recipe import Data, LanguageShape, LoraShape, Recipe, Stage, TowerShape

DATA = Data(seed=901, studies=40, drawn_from=120, valid_seed=902, valid_studies=6)
RECIPE = Recipe(
    name="tiny",
    seed=3,
    data=DATA,
    tower=TowerShape(
        width=16, layers=8, heads=4, mlp_ratio=1, patch_size=16, image_size=64, layer_scale=0.3
    ),
    projector="TAC",
    language_model=LanguageShape(width=32, layers=2, heads=4, feed_forward=48, vocabulary=320),
    stages=(
        Stage("tower", "lesions", ("tower",), 12, 16, 0.003),
        Stage("connector", "changes", ("projector",), 12, 16, 0.003),
        Stage("together", "reports", ("projector", "language_model"), 12, 8, 0.003, 0.3, 2.0),
    ),
)
TWO_STAGES = replace(
    RECIPE,
    lora=LoraShape(2, 4),
    stages=(
        Stage("words", "wording", ("language_model",), 6, 8, 0.003),
        Stage("alone", "reports", ("projector",), 6, 8, 0.003),
        Stage("adapted", "reports", ("projector", "lora"), 6, 8, 0.003),
    ),
)


def lessons(recipe: Recipe = RECIPE) -> tuple[Lessons, Lessons]:
    """Return lessons and validation studies."""
    return draw_lessons(recipe)
