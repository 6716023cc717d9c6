"""Generate a system's predictions into the run folder, going on where an earlier run stopped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile

from harness.claims import claim, refuse_changed_inputs
from harness.errors import InputError
from harness.fingerprint import inputs_of
from harness.interrupts import held_back
from harness.machine import machine_facts
from harness.performance import Performance
from harness.prediction_log import Line, PredictionLog, is_answered, line_of
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
    """Write the predictions of a job that the folder does not hold yet, or holds as failed.

    Every batch is on disk before the next begins. What identifies the generation is in run.json
    before the first line, and what each answer was made from in its line, so that predictions of
    other settings or data are never taken for this job's. ``progress`` is called with the number
    of samples done since the last call, first with those of earlier runs. What the adapter
    measures of itself is in run.json after every batch.

    Raises
    ------
    InputError
        If the folder's predictions of this system were made with other settings or data, the
        adapter cannot read a sample, or the system refuses to write; what is on disk stays.
    KeyboardInterrupt
        After the batch in flight is on disk, if Ctrl-C was pressed.
    """
    performance = Performance(folder, job.system, job.adapter)
    claim(folder, job.system, {"adapter": job.adapter.fingerprint()}, model=job.model)
    path = folder.predictions_path(job.system)
    ids = [study.sample_id for study in job.studies]
    log = PredictionLog(path, ids, job.adapter.n_sequences)
    lines = log.resume()
    refuse_changed_inputs(path, lines, job.adapter, job.requests)
    failed = [place for place, line in enumerate(lines) if not is_answered(line)]
    to_do = [*failed, *range(len(lines), len(job.requests))]
    progress(len(job.requests) - len(to_do))
    begun = time.perf_counter()
    try:
        _go_on(folder, log, job, to_do, performance, progress)
    finally:
        with suppress(InputError):  # on a full disk the error under way says more
            performance.keep()
            _add_time(folder, job.system, time.perf_counter() - begun)
            folder.add({"machine": machine_facts()})
        if failed:
            log.resume()


def _go_on(
    folder: RunFolder,
    log: PredictionLog,
    job: Job,
    to_do: Sequence[int],
    performance: Performance,
    progress: Callable[[int], None],
) -> None:
    size = max(1, job.adapter.batch_size)
    with held_back() as asked_to_stop:
        for start in range(0, len(to_do), size):
            places = to_do[start : start + size]
            answers = _answers(job, [job.requests[place] for place in places])
            kept = answers if job.allow_missing else list(takewhile(_is_answered, answers))
            if kept:
                _write(folder, log, job, dict(zip(places, kept, strict=False)))
            performance.keep()
            progress(len(kept))
            if len(kept) < len(answers):
                raise _cannot_read(job, places[len(kept)], answers[len(kept)])
            if asked_to_stop():
                raise KeyboardInterrupt


def _write(
    folder: RunFolder, log: PredictionLog, job: Job, answers: Mapping[int, Generation]
) -> None:
    if folder.record.get("complete"):
        folder.add({"complete": False})  # its scores are of other predictions from here on
    log.append([line for place, answer in answers.items() for line in _lines(job, place, answer)])
    _tell_failed(job, answers)


def _lines(job: Job, place: int, answer: Generation) -> list[Line]:
    study, inputs = job.studies[place], inputs_of(job.adapter, job.requests[place])
    numbered = job.adapter.n_sequences > 1
    return [
        line_of(
            study.sample_id,
            study.study_id,
            job.model,
            job.prior,
            one,
            inputs,
            number if numbered else None,
        )
        for number, one in enumerate([answer, *answer.others])
    ]


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


def _tell_failed(job: Job, answers: Mapping[int, Generation]) -> None:
    for place, answer in answers.items():
        if not _is_answered(answer):
            sample = f"{job.system}, sample {job.studies[place].sample_id!r}"
            print(
                terminal_text(f"Warning: {sample} counts as failed. {_reason(answer)}"),
                file=sys.stderr,
            )


def _answers(job: Job, requests: Sequence[Request]) -> list[Generation]:
    answers = job.adapter.generate(requests)
    if len(answers) != len(requests):
        raise ModelsError(
            f"The adapter of {job.model!r} gave {len(answers)} answers to {len(requests)} requests."
        )
    asked = job.adapter.n_sequences
    for request, answer in zip(requests, answers, strict=True):
        given = 1 + len(answer.others)
        if given != asked and _is_answered(answer):
            raise ModelsError(
                f"The adapter of {job.model!r} gave {given} sequences to sample "
                f"{request.sample_id!r}; {asked} were asked for."
            )
    return answers


def _add_time(folder: RunFolder, system: str, seconds: float) -> None:
    """Add to the time that generating a system took, over all the runs that it needed."""
    spent = folder.record.get("timing", {}).get("generation_s", {})
    total = round(spent.get(system, 0.0) + seconds, 3)
    folder.add({"timing": {"generation_s": {**spent, system: total}}})
