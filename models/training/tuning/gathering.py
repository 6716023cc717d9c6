"""Weights that ZeRO-3 has spread over processes, brought together where they are needed whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accelerate import PartialState
from torch import Tensor, nn

from models.training.tuning.saving import save_stage, saved_names
from models.training.tuning.start import Started

_SPREAD = "ds_id"  # DeepSpeed's mark of a parameter that it has spread


@contextmanager
def gathered(learner: nn.Module, wrapper: Any = None) -> Iterator[None]:
    """Let every process hold all weights while this lasts, to use them on its own.

    All must call it. ``wrapper`` is DeepSpeed's around the learner; None without it.
    """
    if not any(hasattr(one, _SPREAD) for one in learner.parameters()):
        yield
        return
    from deepspeed.runtime.zero import unwrap_model_for_generation

    with unwrap_model_for_generation(wrapper):
        yield


def save_gathered(folder: Path, started: Started) -> None:
    """Save a stage's model by the first process; all must call it.

    Raises
    ------
    InputError
        If the disk refuses; what was saved before is untouched.
    """
    state = PartialState()
    tensors = _gathered_tensors(started, is_first=state.is_main_process)
    if state.is_main_process:
        save_stage(folder, started, tensors)
    state.wait_for_everyone()


def _gathered_tensors(started: Started, *, is_first: bool) -> dict[str, Tensor] | None:
    """Return what is saved, one weight gathered after the other; None where none is spread."""
    named = dict(started.learner.named_parameters(remove_duplicate=False))
    if not any(hasattr(one, _SPREAD) for one in named.values()):
        return None
    from deepspeed.runtime.zero import GatheredParameters

    found = dict(started.learner.state_dict())
    for name in saved_names(started):
        if hasattr(named.get(name), _SPREAD):
            with GatheredParameters([named[name]]):
                if is_first:
                    found[name] = named[name].detach().cpu().clone()
    return found
