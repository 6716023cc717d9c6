"""``train`` for recipes that tune a model that there is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from models.training.tuning.plan import Records
    from models.training.tuning.recipe import TuningRecipe


def train(recipe: TuningRecipe, folder: Path, output: Path, resume: bool, as_json: bool) -> None:
    """Train all stages, and print what validation says of each."""
    raise NotImplementedError


def show_plan(recipe: TuningRecipe, folder: Path, as_json: bool) -> None:
    """Print parameters, updates, memory and GPU-hours of each stage.

    Records are counted where the data are there; else the recipe's own number is taken.
    """
    from models.training.tuning.plan import plan_tuning
    from models.training.tuning.plan_tables import plan_tables

    plan = plan_tuning(recipe, _counted(recipe, folder))
    if as_json:
        print_json(asdict(plan))
        return
    for table in plan_tables(plan):
        print_table(table.headers, table.rows, title=table.title)
    for assumption in plan.assumptions:
        note(assumption)


def _counted(recipe: TuningRecipe, folder: Path) -> dict[str, Records]:
    from harness.errors import MissingError
    from harness.training_studies import open_records
    from models.training.tuning.plan import Records

    found = {}
    for stage in recipe.stages:
        try:
            records = open_records(recipe.data_of(stage), "train", folder, recipe.needs)
        except MissingError:  # a plan needs no data
            continue
        found[stage.name] = Records(len(records))
    return found
