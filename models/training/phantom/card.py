"""The model card that a recipe's checkpoint carries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill

from models.training.operations import count_parameters
from models.training.phantom.parts import Parts
from models.training.phantom.recipe import Recipe

_ROWS = {
    "bleu4": "BLEU-4",
    "rougeL": "ROUGE-L",
    "temporal_direction_f1": "temporal direction F1, real prior",
    "temporal_direction_f1@dummy": "the same, dummy prior (the current image)",
    "temporal_direction_f1@shuffled": "the same, another study's prior",
}


def write_card(path: Path, recipe: Recipe, parts: Parts, scores: Mapping[str, float]) -> None:
    """Write what the model is, what it learned from, its validation scores and its command."""
    compares = recipe.reads_prior
    sees = (
        "It compares the current with a prior image, as Libra does; the current image stands in "
        "for a missing prior."
        if compares
        else "It sees the current image only, as LLaVA-Med does, and has to guess what changed."
    )
    told = "how severe it is now and was before, how it changed" if compares else "how severe it is"
    sizes = ", ".join(
        f"{name.replace('_', ' ')} {count_parameters(part) / 1000:.0f} k"
        for name, part in parts.named().items()
    )
    rows = "\n".join(f"| {_ROWS[name]} | {value:.3f} |" for name, value in scores.items())
    stages = "\n".join(
        f"- {stage.name}: {stage.steps} steps of {stage.batch_size}, learns {stage.learns}, "
        f"trains {', '.join(stage.trains)}"
        for stage in recipe.stages
    )
    data = recipe.data
    facts = [
        f"Made by: cxr-harness, `cxr-harness train {recipe.name}`, which gives the same weights "
        "again on one machine.",
        f"Parts: {recipe.projector} between a Dinov2 tower and a LLaMA, trained from scratch, in "
        f"float16. Parameters: {sizes}.",
        f"Data: {data.studies} phantom studies of seed {data.seed} (split train), drawn so that "
        f"findings and changes are frequent; validation on {data.valid_studies} studies of seed "
        f"{data.valid_seed} (split valid) as they come. Seeds up to 100 are kept for tests; "
        "nothing was chosen on them.",
        "Targets: the reports are the phantom generator's, in one fixed wording. The **auxiliary "
        f"targets** (where each finding lies, {told}) come from the generator as well: no such "
        "truth exists for real images.",
        "Prompt: the template `libra_v1` with Libra's question for findings and no clinical "
        "context.",
    ]
    listed = "\n".join(fill(f"- {fact}", 96, subsequent_indent="  ") for fact in facts)
    path.write_text(
        f"""# {recipe.name}

A toy of Libra's architecture that writes the findings of synthetic chest radiographs (phantoms).
{sees}
With it the evaluation is shown to tell a model that uses its prior from one that does not.
**It has seen no image or report of a patient and is of no use on one.**

{listed}

## Stages

{stages}

`training_log.jsonl` holds the losses, and the CPU seconds of each stage.

## Scores on the validation studies

| score | |
|---|---|
{rows}

Scores on test splits, with intervals, are in the documentation on training.
""",
        encoding="utf-8",
        newline="\n",
    )
