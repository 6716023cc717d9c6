"""``run``: generate, score and report a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.output import JsonOption, note, print_json, print_table, progress_bar
from harness.cli.shared import (
    BenchmarkArgument,
    FailedOption,
    FreshOption,
    LimitOption,
    ModelOption,
    OutputOption,
    ProcessesOption,
    SkipOption,
    UploadOption,
    show_scored,
)

if TYPE_CHECKING:
    from harness.benchmark_run import PreparedRun


def run(
    context: typer.Context,
    benchmark: BenchmarkArgument,
    model: ModelOption = None,
    limit: LimitOption = None,
    output: OutputOption = None,
    fresh: FreshOption = False,
    allow_missing: FailedOption = False,
    skip_unavailable: SkipOption = False,
    allow_upload: UploadOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything; generate and write nothing.")
    ] = False,
    processes: ProcessesOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Generate, score and report a benchmark; the same command again resumes."""
    from harness.command_words import typed
    from harness.preparation import prepare

    prepared = prepare(
        benchmark,
        models=model,
        limit=limit,
        output=output,
        allow_missing=allow_missing,
        allow_upload=allow_upload or (),
        command=typed(context.obj),
    ).scorable(skip_unavailable)
    for line in prepared.plan.wording_notes:
        note(line)
    if dry_run:
        _show_outline(prepared, fresh, as_json)
        return
    with prepared.open(fresh) as folder:
        with progress_bar("reading images", len(prepared.images)) as advance:
            prepared.hash_images(advance)
        with progress_bar("generating", prepared.n_generations) as advance:
            prepared.generate(folder, advance)
        with progress_bar("scoring", len(prepared.studies)) as advance:
            scored = prepared.score(folder, processes, advance)
    show_scored(folder, scored, as_json)


def _show_outline(prepared: PreparedRun, fresh: bool, as_json: bool) -> None:
    """Print what the run would do; what it would end with is raised."""
    rows = prepared.outline(fresh)
    if as_json:
        print_json({**rows, "missing_images": [str(path) for path in prepared.lost_images]})
    else:
        print_table(["what", "is"], [list(row) for row in rows.items()])
    prepared.refuse_lost_images()
    for line in prepared.lost_in_words().splitlines():
        note(line)
