"""The card of a tuning run: what was trained, on how much, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from models.atomic import replace_file
from models.training.tuning.recipe import TuningRecipe, TuningStage
from models.training.tuning.run_folder import LOG_FILE, RECIPE_FILE, StageOutcome

_PACKAGES = ("torch", "transformers", "peft", "accelerate")


def write_card(
    path: Path, recipe: TuningRecipe, outcomes: Sequence[StageOutcome], processes: int
) -> None:
    """Write the card of a finished run."""
    last = recipe.stages[-1].name
    used = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    stages = "\n\n".join(
        _stage(stage, outcome) for stage, outcome in zip(recipe.stages, outcomes, strict=True)
    )
    sources = "\n".join(f"- {source}" for source in recipe.source)
    content = f"""# {recipe.name}

Tuned by cxr-harness from {_start(recipe)}. The model is in `{last}/`: `models.load("{last}")` reads
it, and `cxr-harness run` evaluates it. Prompts are written with the template
`{recipe.template}`.

The settings follow

{sources}

All of them are in `{RECIPE_FILE}`, losses, scores and rates in `{LOG_FILE}`. Trained by
{processes} {"process" if processes == 1 else "processes"}, seed {recipe.seed}, with {used}.

{stages}
"""
    replace_file(path, content.encode())


def _start(recipe: TuningRecipe) -> str:
    start = recipe.start
    if start.checkpoint is not None:
        return f"`{start.checkpoint}`" + (f" over `{start.base}`" if start.base else "")
    return f"`{start.language_model}` and `{start.vision_tower}` with a {start.projector} projector"


def _stage(stage: TuningStage, outcome: StageOutcome) -> str:
    left_out = sum(outcome.left_out.values())
    lines = [
        f"- trains {', '.join(stage.trains)}; {outcome.steps:,} updates of {stage.batch_size} x "
        f"{stage.accumulation} records per process, learning rate {stage.learning_rate:g}",
        f"- {outcome.records:,} records taught; {left_out:,} were left out "
        f"(`{stage.name}/records/train/left_out.jsonl` says why)",
    ]
    scores = ", ".join(
        f"{name} {'undefined' if value is None else format(value, '.4f')}"
        for name, value in outcome.evaluation.items()
    )
    if scores:
        lines.append(f"- at the end on the validation studies: {scores}")
    if outcome.best is not None:
        best = outcome.best
        lines.append(
            f"- best by {best['by']}: {best['value']:.4f} at update {best['step']:,}, in "
            f"`{stage.name}/best/`"
        )
    listed = "\n".join(lines)
    return f"## {stage.name}\n\n{listed}"
