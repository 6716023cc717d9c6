"""A benchmark from its file to its report: everything checked first, then generated and scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from shlex import join
from typing import Any

from harness.bank import bank_reports, refuse_leaks
from harness.benchmark import Benchmark, ModelEntry
from harness.benchmark_data import BenchmarkData, load_data
from harness.datasets import PredictionFile, read_predictions
from harness.errors import InputError
from harness.fingerprint import hash_images, images_of
from harness.finish import finish_run
from harness.generation import Job, generate
from harness.model_requests import build_requests
from harness.run_facts import RunFacts
from harness.run_folder import RunFolder, partial_folder
from harness.run_record import RUN_FILE, plain, read_record, refuse_changes
from harness.scoring import Scored, ScoringPlan, make_test_set, make_units
from harness.slices import check_slices
from harness.spec import load_spec
from harness.study import Study
from harness.suggest import suggestion
from harness.system_names import priors_that_matter
from harness.system_texts import import_predictions
from harness.uploads import Uploads
from metrics.files.quoting import listed
from metrics.scoring import Resampling, hash_test_set
from models.adapter import Adapter
from models.registry import adapter_class
from reports.text_safety import encodable

PREDICTIONS = "predictions"
"""The adapter of reports that exist already."""


@dataclass(frozen=True)
class Imported:
    """One system whose predictions are read from a file."""

    system: str
    given: PredictionFile


Step = Job | Imported


def _adapter_of(step: Step) -> Adapter | None:
    return step.adapter if isinstance(step, Job) else None


@dataclass(frozen=True)
class PreparedRun:
    """A benchmark whose files, ids, names and models have been read and checked."""

    spec: Benchmark
    data: BenchmarkData
    plan: ScoringPlan
    studies: Sequence[Study]
    steps: Sequence[Step]
    output: Path
    partial: bool
    command: str
    uploads: Uploads
    allow_missing: bool = False

    @property
    def systems(self) -> list[str]:
        """The systems to run, in the order of tables."""
        return [step.system for step in self.steps]

    @property
    def n_generations(self) -> int:
        """How many reports there are to generate."""
        return sum(len(step.requests) for step in self.steps if isinstance(step, Job))

    @cached_property
    def images(self) -> list[Path]:
        """The images that models will look at: what they hold identifies the predictions."""
        jobs = (s for s in self.steps if isinstance(s, Job) and s.adapter.uses_images)
        return list(dict.fromkeys(p for job in jobs for r in job.requests for p in images_of(r)))

    @property
    def endpoints(self) -> dict[str, str]:
        """The addresses that data are sent to, by model."""
        jobs = (step for step in self.steps if isinstance(step, Job))
        found = {job.model: job.adapter.endpoint() for job in jobs}
        return {model: endpoint for model, endpoint in found.items() if endpoint is not None}

    @cached_property
    def test_set(self) -> str:
        """The hash of the test set."""
        return hash_test_set(make_test_set(self.studies, self.plan.section))

    @property
    def identity(self) -> dict[str, Any]:
        """What an earlier run must share with this one to be gone on with."""
        limit = len(self.studies) if self.partial else None
        spec = {**self.spec.resolved(), "limit": limit}
        return {"spec": plain(spec), "test_set": self.test_set, "partial": self.partial}

    def outline(self, fresh: bool = False) -> dict[str, str]:
        """Return what a run would do, for ``--dry-run``.

        Raises
        ------
        InputError
            If the output folder holds another run.
        """
        if not fresh and (self.output / RUN_FILE).exists():
            found = read_record(self.output)
            refuse_changes(self.output, found, self.identity)
            self._refuse_fewer(found)
        units, notes = make_units(self.studies, self.plan.cluster)
        return {
            "benchmark": self.spec.name,
            "studies": f"{len(self.studies):,}",
            "units": f"{units.n_units:,} by {units.name}",
            "test set": self.test_set,
            "systems": ", ".join(self.systems),
            "generations": f"{self.n_generations:,}",
            "images": self._images_found(),
            "metrics": ", ".join(key for one in self.plan.selected() for key in one.columns),
            "output": str(self.output),
            "data leave for": ", ".join(dict.fromkeys(self.endpoints.values())) or "nowhere",
            "notes": " ".join([*self.data.notes, *notes]),
        }

    def _images_found(self) -> str:
        lost = [path for path in self.images if not path.is_file()]
        there = f"{len(self.images):,}"
        return f"{there}, {len(lost):,} not there, first {lost[0]}" if lost else there

    def open(self, fresh: bool = False) -> RunFolder:
        """Begin or go on with the run in its folder; use it in a ``with`` statement."""
        return RunFolder.create(self.output, **self.identity, fresh=fresh)

    def generate(
        self, folder: RunFolder, progress: Callable[[int], None] = lambda samples: None
    ) -> None:
        """Write all predictions that the folder does not hold yet."""
        if self.allow_missing:
            folder.add({"allow_missing": True})
        for model, endpoint in self.endpoints.items():
            folder.add({"uploads": {model: self.uploads.record(endpoint)}})
        for adapter, steps in groupby(self.steps, key=_adapter_of):
            with ExitStack() as stack:
                if adapter is not None:
                    stack.callback(adapter.close)
                for step in steps:
                    self._take(step, folder, progress)

    def hash_images(self, progress: Callable[[int], None] = lambda images: None) -> None:
        """Read all images ahead of ``generate``, several at a time."""
        hash_images(self.images, progress)

    def _take(self, step: Step, folder: RunFolder, progress: Callable[[int], None]) -> None:
        if isinstance(step, Imported):
            import_predictions(folder, step.system, self.studies, step.given)
        else:
            generate(folder, step, progress)

    def score(
        self,
        folder: RunFolder,
        processes: int = 1,
        progress: Callable[[int], None] = lambda samples: None,
    ) -> Scored:
        """Score the systems and write the results and the report.

        Raises
        ------
        InputError
            If the folder holds the scores of more systems than these.
        """
        self._refuse_fewer(folder.record)
        return finish_run(
            folder, self.studies, self.systems, self.plan, self._facts(folder), processes, progress
        )

    def _refuse_fewer(self, record: Mapping[str, Any]) -> None:
        more = [name for name in record.get("systems", ()) if name not in self.systems]
        if record.get("complete") and more:
            raise InputError(
                f"{self.output} holds the scores of more systems ({listed(more)}). Leave --model "
                "out to keep them, give --fresh to replace the run, or choose another --output."
            )

    def _facts(self, folder: RunFolder) -> RunFacts:
        jobs = [step for step in self.steps if isinstance(step, Job)]
        blind = [job.model for job in jobs if not job.adapter.uses_images]
        return RunFacts(
            name=self.spec.name,
            command=self.command,
            data=self.data.facts,
            images=self.data.images,
            notes=self.data.notes,
            partial=self.partial,
            text_only=list(dict.fromkeys(blind)),
            performance=folder.record.get("performance", {}),
        )


def prepare(
    benchmark: str,
    models: Sequence[str] | None = None,
    limit: int | None = None,
    output: Path | None = None,
    allow_missing: bool = False,
    allow_upload: Sequence[str] = (),
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
        replace(step, allow_missing=allow_missing) if isinstance(step, Job) else step
        for entry in entries
        for step in _steps(entry, spec, data, studies)
    ]
    command = _command(benchmark, models, limit, allow_missing, allow_upload)
    uploads = Uploads(spec.data.credentialed, allow_upload)
    prepared = PreparedRun(
        spec, data, plan, studies, steps, folder, partial, command, uploads, allow_missing
    )
    for model, endpoint in prepared.endpoints.items():
        uploads.check(model, endpoint)
    return prepared


def _command(
    benchmark: str,
    models: Sequence[str] | None,
    limit: int | None,
    allow_missing: bool,
    allow_upload: Sequence[str],
) -> str:
    words = ["cxr-harness", "run", benchmark]
    for one in models or ():
        words += ["--model", one]
    words += ["--limit", str(limit)] if limit else []
    words += ["--allow-missing"] if allow_missing else []
    for one in allow_upload:
        words += ["--allow-upload", one]
    return encodable(join(words))


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
    )


def _steps(
    entry: ModelEntry, spec: Benchmark, data: BenchmarkData, studies: Sequence[Study]
) -> list[Step]:
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
            requests=build_requests(
                studies, prior, spec.statistics.seed, data.images, spec.data.section
            ),
        )
        for prior in priors_that_matter(entry.priors, found.uses_prior)
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
