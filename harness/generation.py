"""Generate a system's predictions into the run folder, going on where an earlier run stopped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile

from harness.claims import claim_requests, record_stop
from harness.errors import InputError
from harness.interrupts import held_back
from harness.performance import Performance
from harness.prediction_log import PredictionLog, line_of
from harness.run_folder import RunFolder
from harness.study import Study
from harness.system_names import system_name
from models.adapter import FAILED, Adapter, Generation, Prior, Request
from models.errors import ModelsError
from reports.text_safety import terminal_text


@dataclass(frozen=True)
class Job:
    """One system to generate: a prepared adapter, and a request for every study.

    With ``allow_missing`` a sample that the adapter cannot read is written as failed; else it
    ends the run.
    """

    model: str
    prior: Prior
    adapter: Adapter
    studies: Sequence[Study]
    requests: Sequence[Request]
    allow_missing: bool = False

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
    of earlier runs. What the adapter measures of itself is in run.json after every batch.

    Raises
    ------
    InputError
        If the folder's predictions of this system were made with other settings or data, the
        adapter cannot read a sample, or the system refuses to write; what is on disk stays.
    KeyboardInterrupt
        After the batch in flight is on disk, if Ctrl-C was pressed.
    """
    performance = Performance(folder, job.system, job.adapter)
    claim_requests(folder, job.system, job.model, job.adapter, job.requests)
    ids = [study.sample_id for study in job.studies]
    log = PredictionLog(folder.predictions_path(job.system), ids)
    done = log.resume()
    progress(done)
    begun = time.perf_counter()
    try:
        _go_on(folder, log, job, done, performance, progress)
    finally:
        with suppress(InputError):  # on a full disk the error under way says more
            performance.keep()
            _add_time(folder, job.system, time.perf_counter() - begun)


def _go_on(
    folder: RunFolder,
    log: PredictionLog,
    job: Job,
    done: int,
    performance: Performance,
    progress: Callable[[int], None],
) -> None:
    size = max(1, job.adapter.batch_size)
    with held_back() as asked_to_stop:
        for start in range(done, len(job.requests), size):
            batch = slice(start, start + size)
            answers = _answers(job, job.requests[batch])
            kept = answers if job.allow_missing else list(takewhile(_is_answered, answers))
            pairs = list(zip(job.studies[batch], kept, strict=False))
            if pairs:
                log.append(
                    [line_of(s.sample_id, s.study_id, job.model, job.prior, a) for s, a in pairs]
                )
            performance.keep()
            progress(len(kept))
            _tell_failed(job, pairs)
            if len(kept) < len(answers):
                done = start + len(kept)
                record_stop(folder, job.system, job.adapter, job.requests[:done])
                raise _cannot_read(job, done, answers[len(kept)])
            if asked_to_stop():
                raise KeyboardInterrupt


def _is_answered(answer: Generation) -> bool:
    return answer.finish_reason != FAILED


def _cannot_read(job: Job, position: int, answer: Generation) -> InputError:
    return InputError(
        f"{job.system}, sample {job.studies[position].sample_id!r}: {_reason(answer)} "
        "Mend the file, or give --allow-missing to count it as failed. "
        "The same command goes on from here."
    )


def _reason(answer: Generation) -> str:
    return answer.error or "The model could not answer."


def _tell_failed(job: Job, pairs: Sequence[tuple[Study, Generation]]) -> None:
    for study, answer in pairs:
        if not _is_answered(answer):
            place = f"{job.system}, sample {study.sample_id!r}"
            print(
                terminal_text(f"Warning: {place} counts as failed. {_reason(answer)}"),
                file=sys.stderr,
            )


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
