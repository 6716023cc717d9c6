"""A stage's settings as transformers' Trainer takes them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import TrainingArguments

from models.errors import InputError, MissingError
from models.training.tuning.recipe import TuningStage
from models.training.tuning.steps import Steps
from models.training.tuning.zero import check_sharding, zero_settings

LOG_EVERY = 10
"""Updates between two lines of the log; each makes the host wait for the device once."""

_SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
WAIT_S = 6 * 3600  # what a process waits for another that surveys, or writes a large model


def training_arguments(
    stage: TuningStage, steps: Steps, folder: Path, seed: int, name: str, hidden_size: int
) -> TrainingArguments:
    """Return a stage's settings; trackers write below ``folder`` and call the run ``name``."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        run_name=name,
        max_steps=steps.total,
        per_device_train_batch_size=stage.batch_size,
        gradient_accumulation_steps=stage.accumulation,
        learning_rate=stage.learning_rate,
        lr_scheduler_type=_SCHEDULES[stage.schedule],
        warmup_steps=steps.warmup,
        weight_decay=stage.weight_decay,
        max_grad_norm=stage.max_grad_norm,
        optim="adamw_torch",
        bf16=stage.precision == "bf16",
        fp16=stage.precision == "fp16",
        use_cpu=uses_cpu(),
        deepspeed=zero_settings(stage.sharding, hidden_size),
        ddp_find_unused_parameters=False,
        ddp_timeout=WAIT_S,
        seed=seed,
        data_seed=seed,
        logging_steps=LOG_EVERY,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="steps",
        save_steps=steps.save_every,
        dataloader_num_workers=stage.workers,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        label_names=[],
        report_to=list(stage.report_to),
        disable_tqdm=True,
    )
    # several GPUs in one process would be torch's DataParallel, which splits pairs of images
    # along the wrong axis; torchrun gives each GPU its own process
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def uses_cpu() -> bool:
    """Return whether training runs on the CPU because there is nothing else."""
    return not (torch.cuda.is_available() or torch.backends.mps.is_available())


def check_stage(stage: TuningStage) -> None:
    """Refuse, before the first stage begins, what this machine cannot do.

    Raises
    ------
    InputError
        If the device has no numbers of the stage's precision.
    MissingError
        If a package that the stage names is not installed.
    """
    check_sharding(stage.sharding, stage.name)
    if stage.precision == "fp16" and not torch.cuda.is_available():
        raise InputError(
            f"The stage {stage.name!r} trains in fp16, which needs a CUDA device. Set precision "
            "to bf16 or fp32."
        )
    has_cuda = torch.cuda.is_available()
    if stage.precision == "bf16" and has_cuda and not torch.cuda.is_bf16_supported():
        raise InputError(
            f"The stage {stage.name!r} trains in bf16, which {torch.cuda.get_device_name()} cannot "
            "compute. Set precision to fp16 or fp32."
        )
    for tracker in stage.report_to:
        if find_spec(tracker) is None:
            install = '"cxr-harness[train]"' if tracker == "tensorboard" else tracker
            raise MissingError(
                f"The stage {stage.name!r} reports to {tracker}, which is not installed. "
                f"`pip install {install}`, or take it out of report_to."
            )
