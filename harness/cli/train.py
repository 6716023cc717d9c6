"""``train``: train a small model by a recipe."""

from __future__ import annotations

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.output import JsonOption, note, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from models.training.phantom.recipe import Recipe

_PACKAGES = ("torch", "transformers", "accelerate", "peft", "safetensors")


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A file, or a bundled name.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="The checkpoint to make [the recipe's name]."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show stages, sizes and an estimate; train nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a small model from scratch on synthetic radiographs."""
    from models.training.phantom.recipe import find_recipe, read_recipe

    read = read_recipe(find_recipe(recipe))
    _check_packages()
    if plan:
        _show_plan(read, as_json)
        return
    scores = _train(read, output or Path(read.name), resume)
    if as_json:
        print_json(scores)
    else:
        print_table(["validation", "score"], [[k, f"{v:.3f}"] for k, v in scores.items()])


def _train(recipe: Recipe, output: Path, resume: bool) -> dict[str, float]:
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
        note("Training goes on from its last state with --resume.")
        raise
    note(f"The checkpoint is in {output}.")
    return scores


def _show_plan(recipe: Recipe, as_json: bool) -> None:
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


def _check_packages() -> None:
    from models.errors import MissingError

    for package in _PACKAGES:
        if find_spec(package) is None:
            raise MissingError(
                f"Training needs the package {package}. Install it with "
                '`pip install "cxr-harness[models]"`.'
            )
