"""``train`` for recipes that make a small model from phantoms."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.output import note, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from models.training.phantom.recipe import Recipe


def train(recipe: Recipe, output: Path, resume: bool, as_json: bool) -> None:
    """Train, and print the validation scores."""
    scores = _trained(recipe, output, resume)
    if as_json:
        print_json(scores)
    else:
        print_table(["validation", "score"], [[k, f"{v:.3f}"] for k, v in scores.items()])


def _trained(recipe: Recipe, output: Path, resume: bool) -> dict[str, float]:
    from benchmarks.phantoms.findings import SITES
    from harness.disk_errors import explained
    from harness.training_data import draw_lessons
    from models.training.phantom.course import check_output, train_recipe
    from models.training.phantom.plan import plan_recipe

    check_output(output, resume)
    # sizes that do not fit are refused before minutes of drawing
    plan_recipe(recipe, len(SITES))
    data = recipe.data
    with progress_bar("drawing phantoms", data.studies + data.valid_studies) as advance:
        lessons, valid = draw_lessons(recipe, advance)
    steps = sum(stage.steps for stage in recipe.stages)
    try:
        with explained(output), progress_bar("training", steps + len(valid)) as advance:
            scores = train_recipe(recipe, lessons, valid, output, resume=resume, advance=advance)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("It goes on from its last state with --resume.") from None
    note(f"The checkpoint is in {output}.")
    return scores


def show_plan(recipe: Recipe, as_json: bool) -> None:
    """Print parts, stages and about how long they take."""
    from benchmarks.phantoms.findings import SITES
    from models.training.phantom.plan import plan_recipe

    found = plan_recipe(recipe, len(SITES))
    if as_json:
        print_json(asdict(found))
        return
    parts = [[name, f"{count:,}"] for name, count in found.parameters.items()]
    print_table(["part", "parameters"], parts, title=f"{found.size_bytes / 1e6:.2f} MB in float16")
    headers = ["stage", "learns", "steps", "batch", "trained", "operations", "CPU s, about"]
    rows = [
        [
            stage.name,
            stage.learns,
            str(stage.steps),
            str(stage.batch_size),
            f"{stage.trained:,}",
            f"{stage.operations:.2e}",
            str(stage.cpu_s),
        ]
        for stage in found.stages
    ]
    print_table(headers, rows)
