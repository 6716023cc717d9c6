"""Run a tuning recipe: its stages one after the other, each from what the one before saved."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import PartialState

from models.libra.language_model import quiet_transformers
from models.training.training_log import TrainingLog
from models.training.tuning.arguments import WAIT_S, check_stage, uses_cpu
from models.training.tuning.card import write_card
from models.training.tuning.disk import writing
from models.training.tuning.evaluation import Evaluation, Processes
from models.training.tuning.gathering import save_gathered
from models.training.tuning.generated_reports import ReportWriter
from models.training.tuning.material import Material, material_of, surveyed
from models.training.tuning.memory_advice import explained_memory
from models.training.tuning.meter import Meter
from models.training.tuning.model_work import work_of
from models.training.tuning.origin import find_origin
from models.training.tuning.peers import explained_peers
from models.training.tuning.recipe import TuningRecipe, TuningStage
from models.training.tuning.records import Records
from models.training.tuning.report_scores import check_metrics
from models.training.tuning.run_folder import CARD_FILE, RunFolder, StageOutcome
from models.training.tuning.start import DTYPES, Started, check_attention, load_learner
from models.training.tuning.steps import steps_of
from models.training.tuning.survey import Survey
from models.training.tuning.trainer import TuningTrainer

RecordsOf = Callable[[TuningStage], tuple[Records, Records | None]]
"""Opens a stage's records: those to learn from, and those to validate on, if there are some."""

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Begins to show how much of something is done, given its name and total."""

Note = Callable[[str], None]


@contextmanager
def silent(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show no progress."""
    yield lambda count: None


def tune(
    recipe: TuningRecipe,
    records_of: RecordsOf,
    output: Path,
    *,
    resume: bool = False,
    progress: Progress = silent,
    note: Note = lambda text: None,
) -> tuple[StageOutcome, ...]:
    """Train all stages of a recipe into ``output``; return what each came to.

    Every process of ``torchrun`` or ``accelerate launch`` calls this alike. ``output`` then holds
    ``recipe.yaml``, ``training_log.jsonl``, a ``README.md``, and for each stage a folder in one of
    the published layouts, with the best model in ``best``. On a CPU in fp32 the same recipe and
    data give the same weights, however often a run was interrupted.

    Parameters
    ----------
    recipe
        What to train.
    records_of
        Opens the records of a stage.
    output
        The folder to make.
    resume
        Go on where an interrupted run stopped; begin if there is none.
    progress, note
        Told what is done; called by the first process only.

    Raises
    ------
    InputError
        If the output is there already, the recipe or the data are others than those of the run to
        resume, nothing can be learnt from the data, the loss is no number, memory or disk do not
        suffice, or another process ended.
    MissingError
        If weights, packages or what a metric needs are not on this machine.
    """
    state = PartialState(cpu=uses_cpu(), timeout=timedelta(seconds=WAIT_S))
    for stage in recipe.stages:
        check_stage(stage)
        check_attention(stage)
        check_metrics(stage.validation.metrics, stage.best_by)
    if not resume:
        find_origin(recipe.start)
    with explained_peers(state.process_index, state.num_processes):
        return _all_stages(recipe, records_of, output, resume, progress, note)


def _all_stages(
    recipe: TuningRecipe,
    records_of: RecordsOf,
    output: Path,
    resume: bool,
    progress: Progress,
    note: Note,
) -> tuple[StageOutcome, ...]:
    state, run = PartialState(), RunFolder(output)
    is_first = state.is_main_process
    shown, said = (progress, note) if is_first else (silent, lambda text: None)
    outcomes: list[StageOutcome] = []
    source: Path | None = None
    with ExitStack() as held, quiet_transformers(), _repeatable(state.device):
        if is_first:
            with writing(output):
                run.begin(recipe, resume=resume)
                held.enter_context(run.held())
        state.wait_for_everyone()
        for number, stage in enumerate(recipe.stages):
            done = run.outcome(stage)
            if done is None:
                training = _StageTraining(recipe, number, run, resume, shown, said)
                done = training.run(records_of, source)
            outcomes.append(done)
            source = run.stage(stage)
    if is_first:
        with writing(output):
            write_card(output / CARD_FILE, recipe, outcomes, state.num_processes)
    return tuple(outcomes)


class _StageTraining:
    """One stage of a run, from its data to what it saves."""

    def __init__(
        self,
        recipe: TuningRecipe,
        number: int,
        run: RunFolder,
        resume: bool,
        progress: Progress,
        note: Note,
    ) -> None:
        self._recipe, self._stage = recipe, recipe.stages[number]
        # every stage draws from a seed of its own
        self._seed = recipe.seed + number
        self._run, self._resume = run, resume
        self._progress, self._note = progress, note
        self._folder = run.stage(self._stage)
        self._processes = PartialState().num_processes

    def run(self, records_of: RecordsOf, source: Path | None) -> StageOutcome:
        train, valid = records_of(self._stage)
        if PartialState().is_main_process:
            self._check_data(train, valid)
        PartialState().wait_for_everyone()
        with explained_memory(self._stage), writing(self._folder):
            started = load_learner(self._recipe, self._stage, source, PartialState().device)
            surveys = {
                name: self._surveyed(name, records, started)
                for name, records in (("train", train), ("valid", valid))
                if records is not None
            }
            material = self._material(train, surveys["train"], started)
            judged = None if valid is None else self._material(valid, surveys["valid"], started)
            outcome = self._trained(started, material, judged, surveys["train"])
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return outcome

    def _trained(
        self, started: Started, train: Material, valid: Material | None, found: Survey
    ) -> StageOutcome:
        begun = time.perf_counter()
        log = TrainingLog(self._run.log)
        steps = steps_of(self._stage, len(train.dataset), self._processes)
        with self._progress(self._stage.name, steps.total) as advance:
            trainer = TuningTrainer(
                started,
                train,
                steps,
                None if valid is None else self._evaluation(started, valid),
                self._folder,
                self._seed,
                self._meter(started),
                log,
                advance,
            )
            done = trainer.run(self._resume)
        save_gathered(self._folder, started)
        outcome = _outcome(trainer, len(train.dataset), found)
        if PartialState().is_main_process:
            spent = {"seconds": round(time.perf_counter() - begun, 1)}
            # the seconds are then those since that step
            resumed = {"resumed_at": done} if done else {}
            log.write({"stage": outcome.name, "step": outcome.steps, **spent, **resumed})
            self._run.finish(self._stage, outcome)
            trainer.clear()
        PartialState().wait_for_everyone()
        return outcome

    def _check_data(self, train: Records, valid: Records | None) -> None:
        said = {
            "training data": train.digest(),
            "validation data": None if valid is None else valid.digest(),
            "number of processes": self._processes,
        }
        with writing(self._folder):
            self._run.check_data(self._stage, said)

    def _surveyed(self, name: str, records: Records, started: Started) -> Survey:
        with self._progress(f"reading {name} records", len(records)) as advance:
            found = surveyed(records, started, self._folder / "records" / name, advance)
        self._note(f"{self._stage.name}, {name}: {found.summary()}")
        return found

    def _material(self, records: Records, found: Survey, started: Started) -> Material:
        if not self._stage.feature_cache:
            return material_of(records, found, started)
        with self._progress("encoding images", 2 * len(found.rows)) as advance:
            return material_of(records, found, started, advance)

    def _evaluation(self, started: Started, valid: Material) -> Evaluation:
        state, validation = PartialState(), self._stage.validation
        writer = None
        if validation.metrics:
            precision = self._stage.precision
            autocast = None if precision == "fp32" else DTYPES[precision]
            writer = ReportWriter(started, self._recipe.template, validation, autocast)
        return Evaluation(
            self._stage, valid, writer, Processes(state.process_index, state.num_processes)
        )

    def _meter(self, started: Started) -> Meter:
        work = work_of(started.learner, encodes=not self._stage.feature_cache)
        patches = started.learner.vision_tower.num_patches
        return Meter(work, patches, is_16bit=self._stage.precision != "fp32")


def _outcome(trainer: TuningTrainer, records: int, found: Survey) -> StageOutcome:
    evaluations = trainer.evaluations
    last = {
        name.removeprefix("eval_"): one if math.isfinite(one) else None
        for name, one in (evaluations[-1] if evaluations else {}).items()
        if name.startswith("eval_")
    }
    best = trainer.best.of(evaluations)
    said = None if best is None else {"by": trainer.best.by, "value": best[1], "step": best[0]}
    return StageOutcome(
        trainer.stage.name, trainer.state.global_step, records, dict(found.counts), last, said
    )


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Let torch compute in one order while this lasts, on a CPU, where that costs little."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before or device.type == "cpu")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
