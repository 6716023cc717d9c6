"""Run a recipe from untrained parts to a checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from models.errors import InputError
from models.libra.language_model import quiet_transformers
from models.training.phantom.card import write_card
from models.training.phantom.export import export_checkpoint
from models.training.phantom.lessons import Lessons
from models.training.phantom.one_thread import one_thread
from models.training.phantom.recipe import Recipe
from models.training.phantom.stages import Course
from models.training.phantom.validation import validate

LOG_FILE = "training_log.jsonl"


def train_recipe(
    recipe: Recipe,
    lessons: Lessons,
    valid: Lessons,
    output: Path,
    *,
    resume: bool = False,
    advance: Callable[[int], None] = lambda steps: None,
) -> dict[str, float]:
    """Train a model and write its checkpoint, log and card into ``output``; return its scores.

    The same recipe and lessons give the same weights on one machine: everything runs on one
    thread, and every stage draws from a seed of its own.

    Parameters
    ----------
    recipe
        What to train.
    lessons, valid
        What to learn from, and the studies that the finished model is scored on.
    output
        The folder to make. States to resume from are kept beside it until the end.
    resume
        Go on from the last state of an interrupted run of the same recipe and lessons.
    advance
        Told the number of steps, and of validation studies, as they are done.

    Raises
    ------
    InputError
        If the output is there already, the recipe's sizes do not fit together, the lessons do not
        fit the recipe, the run to resume was one of another recipe or other lessons, or there is
        one to resume that was not asked for.
    """
    check_output(output, resume)
    _check_lessons(recipe, lessons)
    work = _states(output)
    _open(work, recipe, lessons, resume)
    with one_thread(), quiet_transformers():
        course = Course(recipe, lessons, work, resume)
        for number in range(len(recipe.stages)):
            course.take(number, advance)
        draft = work / "checkpoint"
        shutil.rmtree(draft, ignore_errors=True)
        export_checkpoint(draft, course.parts, course.tokenizer, course.preprocessor)
        scores = validate(draft, valid, advance)
    course.log.forget("validation")
    course.log.write({"stage": "validation", **scores})
    shutil.copyfile(course.log.path, draft / LOG_FILE)
    write_card(draft / "README.md", recipe, course.parts, scores)
    output.parent.mkdir(parents=True, exist_ok=True)
    draft.rename(output)
    shutil.rmtree(work)
    return scores


def _open(work: Path, recipe: Recipe, lessons: Lessons, resume: bool) -> None:
    """Make the folder of states; those of another recipe or other lessons are not resumed."""
    known = work / "recipe.json"
    said = json.dumps({"recipe": asdict(recipe), "lessons": lessons.digest()}, indent=2)
    if resume and known.is_file() and known.read_text("utf-8") != said:
        raise InputError(
            f"{work} holds the states of a run of another recipe, or with other lessons. Remove "
            "it to begin anew."
        )
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    known.write_text(said, "utf-8")


def check_output(output: Path, resume: bool) -> None:
    """Refuse an output that is there already, and to lose what could be resumed."""
    if output.exists():
        raise InputError(f"{output} is there already. Name another folder, or remove it.")
    work = _states(output)
    if not resume and (any(work.glob("*.safetensors")) or any(work.glob("*/checkpoint-*"))):
        raise InputError(
            f"{work} holds the states of an interrupted run. Go on with --resume, or remove it to "
            "begin anew."
        )


def _states(output: Path) -> Path:
    return output.parent / f".{output.name}-training"


def _check_lessons(recipe: Recipe, lessons: Lessons) -> None:
    tower = recipe.tower
    size, patches = lessons.images.shape[1], lessons.coverage.shape[1]
    wanted = (tower.image_size // tower.patch_size) ** 2
    if patches != wanted or size != tower.image_size:
        raise InputError(
            f"The lessons have images of {size} pixels with targets for {patches} patches; the "
            f"recipe's tower needs {tower.image_size} and {wanted}. Draw them for this recipe."
        )
    largest = max(stage.batch_size for stage in recipe.stages)
    if len(lessons) < largest:
        raise InputError(
            f"There are {len(lessons)} studies to learn from, fewer than a batch of {largest}. "
            "Raise data.studies or lower batch_size."
        )
