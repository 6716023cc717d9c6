"""Read and check everything that a benchmark's run needs, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.benchmark import Benchmark, ModelEntry
from harness.benchmark_data import load_data
from harness.benchmark_run import PreparedRun
from harness.errors import InputError
from harness.run_folder import partial_folder
from harness.scoring import make_units
from harness.scoring_plan import ScoringPlan
from harness.slices import check_slices
from harness.spec import load_spec
from harness.steps import steps_of
from harness.suggest import suggestion
from harness.uploads import Uploads
from metrics.scoring import Resampling


def prepare(
    benchmark: str,
    models: Sequence[str] | None = None,
    limit: int | None = None,
    output: Path | None = None,
    allow_missing: bool = False,
    allow_upload: Sequence[str] = (),
    *,
    command: str,
) -> PreparedRun:
    """Read and check everything that a run needs; write nothing.

    Parameters
    ----------
    benchmark
        A YAML file, or the name of a bundled one.
    models
        Ids of the models to run; all if None. The others may follow in the same folder.
    limit
        Take the first studies only: a partial run, in a folder of its own inside the benchmark's
        output unless ``output`` names one.
    output
        The run folder; the benchmark's own if None.
    allow_missing
        Count samples that a model cannot read as failed, where they would end the run. It is no
        part of what identifies the run.
    allow_upload
        Endpoints that credentialed data may be sent to.
    command
        What was typed, for the record.

    Raises
    ------
    InputError
        If the file, the data, a model or a metric is wrong, or credentialed data would leave for
        an endpoint that ``allow_upload`` does not name.
    MissingError
        If a plug-in or package that a model needs is not there.
    """
    spec = load_spec(benchmark)
    entries = _chosen(spec, models)
    plan = _plan(spec)
    plan.selected()
    data = load_data(spec)
    partial = limit is not None and limit < len(data.studies)
    studies = data.studies[:limit] if partial else data.studies
    make_units(studies, plan.cluster)
    check_slices(plan.slices, data.studies)
    folder = output or spec.output_path
    if partial and output is None:
        folder = partial_folder(folder, len(studies))
    steps = [
        step for entry in entries for step in steps_of(entry, spec, data, studies, allow_missing)
    ]
    uploads = Uploads(spec.data.credentialed, allow_upload)
    prepared = PreparedRun(
        spec, data, plan, studies, steps, folder, partial, command, uploads, allow_missing
    )
    for model, endpoint in prepared.endpoints.items():
        uploads.check(f"The model {model!r}", endpoint)
    return prepared


def _chosen(spec: Benchmark, models: Sequence[str] | None) -> list[ModelEntry]:
    known = {entry.id: entry for entry in spec.models}
    for name in models or ():
        if name not in known:
            raise InputError(f"The benchmark has no model {name!r}. {suggestion(name, known)}")
    return [entry for entry in spec.models if models is None or entry.id in models]


def _plan(spec: Benchmark) -> ScoringPlan:
    numbers = spec.statistics
    return ScoringPlan(
        metrics=spec.metrics,
        protocol=spec.protocol,
        section=spec.data.section,
        resampling=Resampling(numbers.resamples, numbers.confidence, numbers.method, numbers.seed),
        cluster=numbers.cluster,
        slices=spec.slices,
        judge=spec.judge_settings,
        settings=spec.settings,
    )
