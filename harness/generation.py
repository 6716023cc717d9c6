"""Generate a system's predictions into the run folder, going on where an earlier run stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from harness.errors import InputError
from harness.fingerprint import generation_key
from harness.interrupts import held_back
from harness.prediction_log import PredictionLog, line_of
from harness.run_folder import RunFolder
from harness.spec_changes import changes
from harness.study import Study
from harness.system_names import system_name
from models.adapter import Adapter, Generation, Prior, Request
from models.errors import ModelsError


@dataclass(frozen=True)
class Job:
    """One system to generate: a prepared adapter, and a request for every study."""

    model: str
    prior: Prior
    adapter: Adapter
    studies: Sequence[Study]
    requests: Sequence[Request]

    @property
    def system(self) -> str:
        """The name of the system in files and tables."""
        return system_name(self.model, self.prior)


def generate(
    folder: RunFolder, job: Job, progress: Callable[[int], None] = lambda samples: None
) -> None:
    """Write the predictions of a job that the folder does not hold yet.

    Every batch is on disk before the next begins. What identifies the generation is in run.json
    before the first line, so that predictions of other settings are never taken for this job's.
    ``progress`` is called with the number of samples done since the last call, first with those
    of earlier runs.

    Raises
    ------
    InputError
        If the folder's predictions of this system were made with other settings or data, or the
        system refuses to write; what is on disk stays.
    KeyboardInterrupt
        After the batch in flight is on disk, if Ctrl-C was pressed.
    """
    claim(folder, job.system, generation_key(job.adapter, job.requests), model=job.model)
    path = folder.predictions_path(job.system)
    log = PredictionLog(path, [study.sample_id for study in job.studies])
    done = log.resume()
    progress(done)
    begun = time.perf_counter()
    try:
        _go_on(log, job, done, progress)
    finally:
        with suppress(InputError):  # on a full disk the error under way says more
            _add_time(folder, job.system, time.perf_counter() - begun)


def claim(folder: RunFolder, system: str, key: Mapping[str, Any], *, model: str) -> None:
    """Put on record what identifies a system's predictions, or check that nothing changed."""
    generations = folder.record.get("generations", {})
    path = folder.predictions_path(system)
    entry = {"model": model, "key": json.loads(json.dumps(key))}
    if system in generations:
        lines = changes(generations[system], entry)
        if lines:
            raise InputError(
                f"{path} was made with something else. What changed: {'; '.join(lines)}. "
                "Give --fresh to generate again, or another --output to keep both."
            )
        return
    if path.exists():
        raise InputError(
            f"{path} is not on this run's record (run.json). Move it away, and score it as "
            "predictions that exist."
        )
    folder.add({"generations": {system: entry}})


def _go_on(log: PredictionLog, job: Job, done: int, progress: Callable[[int], None]) -> None:
    size = max(1, job.adapter.batch_size)
    with held_back() as asked_to_stop:
        for start in range(done, len(job.requests), size):
            batch = slice(start, start + size)
            answers = _answers(job, job.requests[batch])
            pairs = zip(job.studies[batch], answers, strict=True)
            log.append(
                [line_of(s.sample_id, s.study_id, job.model, job.prior, a) for s, a in pairs]
            )
            progress(len(answers))
            if asked_to_stop():
                raise KeyboardInterrupt


def _answers(job: Job, requests: Sequence[Request]) -> list[Generation]:
    answers = job.adapter.generate(requests)
    if len(answers) != len(requests):
        raise ModelsError(
            f"The adapter of {job.model!r} gave {len(answers)} answers to {len(requests)} requests."
        )
    return answers


def _add_time(folder: RunFolder, system: str, seconds: float) -> None:
    """Add to the time that generating a system took, over all the runs that it needed."""
    spent = folder.record.get("timing", {}).get("generation_s", {})
    total = round(spent.get(system, 0.0) + seconds, 3)
    folder.add({"timing": {"generation_s": {**spent, system: total}}})
