"""``train`` for recipes that tune a model that there is."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.output import note, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from harness.training_studies import StudyRecords
    from models.training.tuning.plan import Records
    from models.training.tuning.recipe import TuningRecipe, TuningStage
    from models.training.tuning.run_folder import StageOutcome


def train(recipe: TuningRecipe, folder: Path, output: Path, resume: bool, as_json: bool) -> None:
    """Train all stages, and print what each came to; of several processes the first one prints.

    ``folder`` is what paths in the recipe are relative to.
    """
    # all are opened at once: what a later stage lacks should not be found days later
    records = {stage.name: _opened(recipe, stage, folder) for stage in recipe.stages}
    with redirect_stdout(sys.stderr):  # DeepSpeed writes its warnings among the results
        from accelerate import PartialState

        from models.training.tuning.run import tune

        try:
            outcomes = tune(
                recipe,
                lambda stage: records[stage.name],
                output,
                resume=resume,
                progress=progress_bar,
                note=note,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt("It goes on from its last state with --resume.") from None
    if not PartialState().is_main_process:
        return
    if as_json:
        print_json([asdict(outcome) for outcome in outcomes])
    else:
        print_table(["stage", "updates", "records", "validation"], [_row(one) for one in outcomes])
    note(f"The model is in {output / outcomes[-1].name}.")


def _opened(
    recipe: TuningRecipe, stage: TuningStage, folder: Path
) -> tuple[StudyRecords, StudyRecords | None]:
    from harness.training_studies import open_records

    data = recipe.data_of(stage)
    train = open_records(data, "train", folder, recipe.needs)
    valid = open_records(data, "valid", folder, recipe.needs) if data.valid else None
    for text in (*train.notes, *(valid.notes if valid else ())):
        note(text)
    if data.expected is not None and len(train) != data.expected:
        note(
            f"Stage {stage.name}: there are {len(train):,} records to train on; the recipe expects "
            f"{data.expected:,}."
        )
    return train, valid


def _row(outcome: StageOutcome) -> list[str]:
    scores = [
        f"{name} {value:.4f}" for name, value in outcome.evaluation.items() if value is not None
    ]
    return [outcome.name, str(outcome.steps), str(outcome.records), ", ".join(scores) or "-"]


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
