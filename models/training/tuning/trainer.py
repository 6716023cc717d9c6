"""transformers' Trainer for one stage: whole states, a log with rates, the best model kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainerCallback

from models.errors import InputError
from models.training.optimiser_groups import parameter_groups
from models.training.training_log import TrainingLog
from models.training.tuning.arguments import training_arguments
from models.training.tuning.best import Best
from models.training.tuning.disk import writing
from models.training.tuning.evaluation import Evaluation
from models.training.tuning.material import Material
from models.training.tuning.meter import Meter
from models.training.tuning.sampler import TuningSampler
from models.training.tuning.start import Started
from models.training.tuning.states import States, load_trained, save_trained, step_of
from models.training.tuning.steps import Steps

Advance = Callable[[int], None]

_EVALUATED = "eval_"


class TuningTrainer(Trainer):
    """Trains a started stage to its end.

    Parameters
    ----------
    started
        The learner and what it was loaded with.
    train
        What is learnt from.
    steps
        How many updates, and when to evaluate and save.
    evaluation
        Judges the learner; None if there is nothing to validate on.
    folder
        Of the stage: ``states`` to resume from, and ``best``.
    seed
        Of the order of records and of dropout.
    meter
        Counts what is learnt from.
    log, advance
        Told every ten updates, and after every one.
    """

    def __init__(
        self,
        started: Started,
        train: Material,
        steps: Steps,
        evaluation: Evaluation | None,
        folder: Path,
        seed: int,
        meter: Meter,
        log: TrainingLog,
        advance: Advance,
    ) -> None:
        stage = started.stage
        self.stage, self._steps, self._learner = stage, steps, started.learner
        self._states = States(folder / "states")
        self._evaluation, self._meter = evaluation, meter
        self._log, self._advance = log, advance
        self.best = Best(started, folder / "best")
        hidden = int(started.learner.language_model.config.hidden_size)
        name = f"{started.recipe.name}-{stage.name}"
        super().__init__(
            model=started.learner,
            args=training_arguments(stage, steps, folder, seed, name, hidden),
            train_dataset=train.dataset,
            data_collator=train.collator,
        )
        self.remove_callback(PrinterCallback)
        self._sampler = TuningSampler(
            train.lengths,
            stage.batch_size,
            self.args.world_size,
            stage.accumulation,
            seed=seed,
            grouped=stage.group_by_length,
        )
        self.add_callback(_Course(steps, evaluation is not None, self._sampler, advance))
        # the learner divides by the number of tokens of all batches of an update
        self.model_accepts_loss_kwargs = True

    def run(self, resume: bool) -> int:
        """Train to the end, from the last state if there is one to resume.

        Return how many updates were done before.

        Raises
        ------
        InputError
            If the loss is no number, or a disk refuses a state.
        """
        kept = self._states.last() if resume else None
        done = step_of(kept) if kept else 0
        if self.is_world_process_zero():
            self._log.forget(self.stage.name, after=done)
            if not resume:
                self._states.clear()
        self._advance(done)
        self._meter.begin()
        self.train(resume_from_checkpoint=str(kept) if kept else None)
        return done

    def clear(self) -> None:
        """Remove the states, once what they lead to is saved."""
        self._states.clear()

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """What each evaluation gave, oldest first, with its ``step``."""
        return [row for row in self.state.log_history if f"{_EVALUATED}loss" in row]

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Any]:
        """Return a batch's share of the mean loss over all tokens of an update."""
        found: dict[str, Tensor] = model(**inputs, num_items_in_batch=num_items_in_batch)
        # the items are those of all processes, whose gradients are averaged
        loss = found["loss"] * self.args.world_size
        return (loss, found) if return_outputs else loss

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Tensor | int | None]:
        """Return the batches of an update, and how many tokens are learnt in all processes."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        for batch in batches:
            self._meter.count(batch)
        return batches, items

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Return AdamW over the stage's groups of parameters."""
        if self.optimizer is None:
            groups = parameter_groups(
                self._learner.named_parameters(),
                self.stage.weight_decay,
                self.stage.learning_rate,
                self.stage.projector_learning_rate,
            )
            kind, settings = self.get_optimizer_cls_and_kwargs(self.args)
            self.optimizer = kind(groups, **settings)
        return self.optimizer

    def log(self, logs: dict[str, float], *_: Any, **__: Any) -> None:
        """Tell trackers and the log; a loss or gradient that is no number ends the training."""
        rates: dict[str, float | None] = {}
        if "loss" in logs:
            self._check_finite(logs)
            rates = self._meter.read()
        elif f"{_EVALUATED}loss" not in logs:
            return  # the summary at the end
        super().log(logs | {name: one for name, one in rates.items() if one is not None})
        if self.is_world_process_zero():
            where = {"stage": self.stage.name, "step": self.state.global_step}
            self._log.write(where | {name: _told(one) for name, one in (logs | rates).items()})

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Judge the learner, keep it if it is the best so far, and stop if patience is at end."""
        if self._evaluation is None:
            return {}
        with self._meter.pause():
            wrapper = self.model_wrapped if self.is_deepspeed_enabled else None
            scores = self._evaluation.run(self._learner, wrapper)
            found = {_EVALUATED + name: one for name, one in scores.items()}
            self.log(found)
            self.control = self.callback_handler.on_evaluate(
                self.args, self.state, self.control, found
            )
            self.best.consider(self.evaluations)
            if self.best.is_out_of_patience(self.evaluations):
                self.control.should_training_stop = True
                self.control.should_save = True
        return found

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the trained tensors into a state; DeepSpeed's engine writes its own."""
        if self.is_world_process_zero() and not self.is_deepspeed_enabled and output_dir:
            save_trained(self._learner, Path(output_dir))

    def _check_finite(self, logs: dict[str, float]) -> None:
        # under fp16 steps whose gradients overflow are left out, and the scale is lowered
        watched = ["loss"] if self.stage.precision == "fp16" else ["loss", "grad_norm"]
        if all(math.isfinite(logs.get(name, 0.0)) for name in watched):
            return
        other = " or set its precision to bf16" if self.stage.precision == "fp16" else ""
        raise InputError(
            f"The loss of stage {self.stage.name!r} was no number by step "
            f"{self.state.global_step}. Lower its learning_rate{other}, and begin anew in another "
            "folder; a stage that was finished before can be its start.checkpoint."
        )

    def _get_train_sampler(self, train_dataset: Any = None) -> TuningSampler:
        return self._sampler

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._states.draft)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        is_first, step = self.is_world_process_zero(), self.state.global_step
        with self._meter.pause(), writing(self._states.folder):
            try:
                if is_first:
                    self._states.begin()
                self.accelerator.wait_for_everyone()
                super()._save_checkpoint(model, trial)
                self.accelerator.wait_for_everyone()
                if is_first:
                    self._states.keep(self._states.draft / f"checkpoint-{step}", step)
            except BaseException:
                self._states.discard()
                raise
        self.accelerator.wait_for_everyone()

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        load_trained(self._learner, Path(resume_from_checkpoint))

    def _run_epoch(self, *arguments: Any, **named: Any) -> None:
        # a run that is resumed at its end would take one step more
        is_done = self.state.global_step >= self._steps.total
        if is_done or self.best.is_out_of_patience(self.evaluations):
            self.control.should_training_stop = True
            return
        super()._run_epoch(*arguments, **named)  # type: ignore[no-untyped-call]


class _Course(TrainerCallback):
    """Says when to evaluate, and logs with every evaluation and state, so that none cuts a mean."""

    def __init__(
        self, steps: Steps, evaluates: bool, sampler: TuningSampler, advance: Advance
    ) -> None:
        self._steps, self._evaluates = steps, evaluates
        self._sampler, self._advance = sampler, advance

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # accelerate forgets to, where it skips the first batches of an epoch
        self._sampler.set_epoch(state.global_step // self._steps.per_epoch)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step = state.global_step
        if self._evaluates and (
            step % self._steps.evaluate_every == 0 or step >= self._steps.total
        ):
            control.should_evaluate = True
        if control.should_evaluate or control.should_save:
            control.should_log = True
        self._advance(1)


def _told(value: float | None) -> float | None:
    """Return a number as the log has it: six digits, None where it is none."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
