"""transformers' Trainer for the stages of a recipe: repeatable, quiet, with a log of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

from models.errors import InputError
from models.training.phantom.recipe import Stage
from models.training.training_log import TrainingLog

Advance = Callable[[int], None]

_LOG_EVERY = 50
_SAVE_EVERY = 10 * _LOG_EVERY  # a multiple, so that no average is cut by a state
_WARM_UP = 50
_WEIGHT_DECAY = 0.05
_BETAS = (0.9, 0.98)
_MAX_NORM = 1.0


class StageTrainer(Trainer):
    """Trains a task: a module that maps places of lessons to a dictionary of losses.

    Its total, ``loss``, is minimised; all of them are averaged into the log.

    Parameters
    ----------
    task
        The module.
    stage
        Steps, batch size and learning rate.
    items
        How many lessons there are.
    folder
        Where a state to resume from is kept.
    seed
        Of the order of the lessons.
    log, advance
        Told every 50 steps, and after every step.
    """

    def __init__(
        self,
        task: nn.Module,
        stage: Stage,
        items: int,
        folder: Path,
        seed: int,
        log: TrainingLog,
        advance: Advance,
    ) -> None:
        # the order of lessons and all that a task draws come from here
        set_seed(seed)
        super().__init__(
            model=task,
            args=_arguments(stage, folder, seed),
            train_dataset=range(items),
            data_collator=_collate,
            callbacks=[_Progress(advance)],
        )
        self.remove_callback(PrinterCallback)
        self._stage, self._log, self._advance = stage, log, advance
        self._sums: dict[str, float] = {}
        self._steps = 0

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Any]:
        """Return the total loss of a batch, and remember its parts."""
        del num_items_in_batch
        losses: dict[str, Tensor] = model(**inputs)
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value.detach())
        self._steps += 1
        return (losses["loss"], losses) if return_outputs else losses["loss"]

    def log(self, logs: dict[str, float], *_: Any, **__: Any) -> None:
        """Write the averages since the last time; the summary at the end holds times, so not it."""
        if not self._steps:
            return
        means = {name: round(total / self._steps, 5) for name, total in self._sums.items()}
        if not all(math.isfinite(mean) for mean in means.values()):
            raise InputError(
                f"The loss of stage {self._stage.name!r} was no number by step "
                f"{self.state.global_step}. Lower its learning_rate."
            )
        rate = {"learning_rate": float(f"{logs.get('learning_rate', 0.0):.3g}")}
        step = {"stage": self._stage.name, "step": self.state.global_step}
        self._log.write({**step, **means, **rate})
        self._sums, self._steps = {}, 0

    def run(self, resume: bool) -> int:
        """Train to the end, from the last state kept in the folder if there is one to resume.

        Return how many steps were done before.
        """
        kept = _last_state(Path(str(self.args.output_dir))) if resume else None
        done = _step_of(kept) if kept else 0
        self._log.forget(self._stage.name, after=done)
        self._advance(done)
        if kept is not None and done >= self._stage.steps:
            # the Trainer would take one step more
            self._load_from_checkpoint(str(kept))
            return done
        self.train(resume_from_checkpoint=str(kept) if kept else None)
        return done


def _last_state(folder: Path) -> Path | None:
    """Return the last state that was written to its end; the Trainer's own file comes last."""
    files = folder.glob("checkpoint-*/trainer_state.json")
    whole = [file.parent for file in files if file.stat().st_size]
    return max(whole, key=_step_of, default=None)


def _step_of(state: Path) -> int:
    return int(state.name.rpartition("-")[2])


class _Progress(TrainerCallback):
    def __init__(self, advance: Advance) -> None:
        self._advance = advance

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self._advance(1)


def _arguments(stage: Stage, folder: Path, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=stage.steps,
        per_device_train_batch_size=stage.batch_size,
        learning_rate=stage.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=min(_WARM_UP, stage.steps // 4),
        weight_decay=_WEIGHT_DECAY,
        adam_beta1=_BETAS[0],
        adam_beta2=_BETAS[1],
        max_grad_norm=_MAX_NORM,
        seed=seed,
        data_seed=seed,
        logging_steps=_LOG_EVERY,
        save_strategy="steps",
        save_steps=_SAVE_EVERY,
        save_total_limit=1,
        dataloader_drop_last=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        label_names=[],
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )


def _collate(items: Sequence[int]) -> dict[str, Tensor]:
    return {"items": torch.tensor(list(items))}
