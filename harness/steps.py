"""The systems of a benchmark: those to generate, and those whose predictions exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.bank import bank_reports, refuse_leaks
from harness.benchmark import Benchmark, ModelEntry
from harness.benchmark_data import BenchmarkData
from harness.datasets import PredictionFile, read_predictions
from harness.generation import Job
from harness.model_requests import build_requests
from harness.study import Study
from harness.system_names import priors_that_matter
from models.adapter import Adapter
from models.registry import adapter_class

PREDICTIONS = "predictions"
"""The adapter of reports that exist already."""


@dataclass(frozen=True)
class Imported:
    """One system whose predictions are read from a file."""

    system: str
    given: PredictionFile


Step = Job | Imported


def steps_of(
    entry: ModelEntry,
    spec: Benchmark,
    data: BenchmarkData,
    studies: Sequence[Study],
    allow_missing: bool = False,
) -> list[Step]:
    """Return a model's steps, one per prior mode; its weights, bank and predictions are checked.

    Raises
    ------
    InputError
        If an option, a bank or a file of predictions cannot be used.
    MissingError
        If weights, a package or data are not there.
    """
    if entry.adapter == PREDICTIONS:
        return [_imported(entry, spec, data, studies)]
    found = adapter_class(entry.adapter)
    adapter = found.from_settings(spec.adapter_options(entry), f"models, {entry.id!r}")
    if found.uses_images:
        data.require_images(entry.id)
    adapter.check()
    if found.needs_bank:
        _fill_bank(adapter, entry, spec, data)
    return [
        Job(
            model=entry.id,
            prior=prior,
            adapter=adapter,
            studies=studies,
            allow_missing=allow_missing,
            requests=build_requests(
                studies, prior, spec.statistics.seed, data.images, spec.data.section
            ),
        )
        for prior in priors_that_matter(entry.priors, adapter.reads_prior())
    ]


def _imported(
    entry: ModelEntry, spec: Benchmark, data: BenchmarkData, studies: Sequence[Study]
) -> Imported:
    spec.how_to_get.refuse_absent(spec.input_path(str(entry.path)))
    given = read_predictions(
        spec.input_path(str(entry.path)),
        [study.sample_id for study in data.studies],
        columns=entry.columns,
    )
    kept = len(studies)
    (system,) = entry.systems
    (prior,) = entry.priors
    return Imported(
        system,
        PredictionFile(
            given.path,
            given.sha256,
            given.texts[:kept],
            given.finish_reasons[:kept],
            given.tokens[:kept],
            [one or prior for one in given.priors[:kept]],
        ),
    )


def _fill_bank(adapter: Adapter, entry: ModelEntry, spec: Benchmark, data: BenchmarkData) -> None:
    if entry.bank is not None:
        bank, name = data.read_bank(spec.input_path(entry.bank)), entry.bank
    else:
        bank, name = data.other_split(str(entry.bank_split)), f"split {entry.bank_split}"
    refuse_leaks(bank, data.studies, name)
    adapter.prepare(bank_reports(bank, spec.data.section))
