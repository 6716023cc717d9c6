"""``generate``: only the generation of a benchmark."""

from __future__ import annotations

from harness.cli.output import JsonOption, progress_bar
from harness.cli.shared import (
    BenchmarkArgument,
    FreshOption,
    LimitOption,
    ModelOption,
    OutputOption,
    print_paths,
)


def generate(
    benchmark: BenchmarkArgument,
    model: ModelOption = None,
    limit: LimitOption = None,
    output: OutputOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """Generate the predictions of a benchmark's models; `run` scores them afterwards."""
    from harness.benchmark_run import prepare

    prepared = prepare(benchmark, models=model, limit=limit, output=output)
    with (
        prepared.open(fresh) as folder,
        progress_bar("generating", prepared.n_generations) as advance,
    ):
        prepared.generate(folder, advance)
    print_paths({name: folder.predictions_path(name) for name in prepared.systems}, as_json)
