"""A benchmark from its file to its report: everything checked first, then generated and scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Self

from harness.benchmark import Benchmark
from harness.benchmark_data import BenchmarkData
from harness.errors import InputError
from harness.fingerprint import hash_images
from harness.finish import finish_run
from harness.generation import Job, generate
from harness.run_facts import RunFacts
from harness.run_folder import RunFolder
from harness.run_record import RUN_FILE, plain, read_record, refuse_changes
from harness.scoring import Scored, make_test_set, make_units
from harness.scoring_plan import ScoringPlan
from harness.steps import Imported, Step
from harness.study import Study
from harness.system_texts import import_predictions
from harness.uploads import Uploads
from metrics.files.quoting import listed
from metrics.scoring import hash_test_set
from models.adapter import Adapter

_LISTED = 20
"""More files than these are not named in a message."""


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

    def scorable(self, skip_unavailable: bool = False) -> Self:
        """Return this run, or one without the metrics that cannot be computed on this machine.

        Raises
        ------
        InputError
            If credentialed reports would leave for a judge that ``--allow-upload`` does not name.
        MissingError
            If weights or packages are missing and are not to be skipped, or nothing else is left.
        """
        plan = self.plan.available(skip_unavailable)
        if plan.judge_endpoint is not None:
            self.uploads.check("The judge", plan.judge_endpoint, "reports")
        return replace(self, plan=plan)

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
        jobs = [step for step in self.steps if isinstance(step, Job)]
        found = (job.adapter.looks_at(request) for job in jobs for request in job.requests)
        return list(dict.fromkeys(chain.from_iterable(found)))

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
            "images": f"{len(self.images):,}",
            "images not there": f"{len(self.lost_images):,}",
            "metrics": ", ".join(key for one in self.plan.selected() for key in one.columns),
            "output": str(self.output),
            "data leave for": ", ".join(self._leave_for()) or "nowhere",
            "notes": " ".join([*self.data.notes, *self.plan.notes, *notes]),
        }

    def _leave_for(self) -> list[str]:
        judge = self.plan.judge_endpoint
        return list(dict.fromkeys([*self.endpoints.values(), *([judge] if judge else [])]))

    @cached_property
    def lost_images(self) -> list[Path]:
        """The images that models will look at and that are not there."""
        return [path for path in self.images if not path.is_file()]

    def lost_in_words(self) -> str:
        """Return which images are not there, a line each; nothing if all are."""
        lost = self.lost_images
        if not lost:
            return ""
        lines = [f"{len(lost):,} of {len(self.images):,} images are not there:"]
        lines += [f"  {path}" for path in lost[:_LISTED]]
        more = len(lost) - _LISTED
        lines += [f"  and {more:,} more; --json lists all"] if more > 0 else []
        return "\n".join(lines)

    def refuse_lost_images(self) -> None:
        """Raise the error that the run would end with, if an image is not there."""
        if self.lost_images and not self.allow_missing:
            raise InputError(
                f"{self.lost_in_words()}\nPut them there, or give --allow-missing to count their "
                "samples as failed."
            )

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
        if not self.allow_missing and "allow_missing" in folder.record:
            folder.add({"allow_missing": False})  # what failed before has been answered

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
        endpoint = self.plan.judge_endpoint
        if endpoint is not None:
            folder.add({"judge_upload": self.uploads.record(endpoint)})
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
            notes=[*self.data.notes, *self.plan.notes],
            partial=self.partial,
            text_only=list(dict.fromkeys(blind)),
            performance=folder.record.get("performance", {}),
        )
