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
def gathered(module: nn.Module) -> Iterator[None]:
    """Let every process hold all weights of a module while this lasts; all must call it."""
    spread = [one for one in module.parameters() if hasattr(one, _SPREAD)]
    if not spread:
        yield
        return
    with _gathered_parameters(spread):
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
    found = dict(started.learner.state_dict())
    for name in saved_names(started):
        if hasattr(named.get(name), _SPREAD):
            with _gathered_parameters([named[name]]):
                if is_first:
                    found[name] = named[name].detach().cpu().clone()
    return found


def _gathered_parameters(spread: list[nn.Parameter]) -> Any:
    import deepspeed

    return deepspeed.zero.GatheredParameters(spread)
