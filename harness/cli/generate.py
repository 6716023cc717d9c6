"""``generate``: only the generation of a benchmark."""

from __future__ import annotations

import typer

from harness.cli.output import JsonOption, progress_bar
from harness.cli.shared import (
    BenchmarkArgument,
    FailedOption,
    FreshOption,
    LimitOption,
    ModelOption,
    OutputOption,
    UploadOption,
    print_paths,
)


def generate(
    context: typer.Context,
    benchmark: BenchmarkArgument,
    model: ModelOption = None,
    limit: LimitOption = None,
    output: OutputOption = None,
    fresh: FreshOption = False,
    allow_missing: FailedOption = False,
    allow_upload: UploadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Generate the predictions of a benchmark's models; `run` scores them afterwards."""
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
    )
    with prepared.open(fresh) as folder:
        with progress_bar("reading images", len(prepared.images)) as advance:
            prepared.hash_images(advance)
        with progress_bar("generating", prepared.n_generations) as advance:
            prepared.generate(folder, advance)
    print_paths({name: folder.predictions_path(name) for name in prepared.systems}, as_json)
