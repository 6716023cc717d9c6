"""The states of a stage that training goes on from: each is whole, or it is not there."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from models.atomic import force_to_disk
from models.errors import InputError

_PREFIX = "step-"
_TRAINED = "trained.safetensors"


class States:
    """A folder of states, named by the updates done.

    A state is written as a draft and then renamed, and only then is the one before removed: a
    process that is killed, and a disk that is full, leave one that is whole.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.draft = folder / ".draft"

    def last(self) -> Path | None:
        """Return the state of most updates; None if there is none."""
        found = [one for one in self.folder.glob(f"{_PREFIX}*") if one.is_dir()]
        return max(found, key=step_of, default=None)

    def begin(self) -> None:
        """Make room for a draft."""
        self.discard()
        self.draft.mkdir(parents=True)

    def keep(self, draft: Path, step: int) -> None:
        """Let a draft be the state of a step, and remove those before."""
        for file in draft.rglob("*"):
            force_to_disk(file)
        kept = self.folder / f"{_PREFIX}{step}"
        shutil.rmtree(kept, ignore_errors=True)
        draft.rename(kept)
        force_to_disk(self.folder)
        for one in self.folder.glob(f"{_PREFIX}*"):
            if one != kept:
                shutil.rmtree(one, ignore_errors=True)
        self.discard()

    def discard(self) -> None:
        """Remove the draft: a full disk has room again."""
        shutil.rmtree(self.draft, ignore_errors=True)

    def clear(self) -> None:
        """Remove all states and drafts."""
        shutil.rmtree(self.folder, ignore_errors=True)


def step_of(state: Path) -> int:
    """Return the number of updates that a state stands for."""
    return int(state.name.removeprefix(_PREFIX))


def save_trained(module: nn.Module, folder: Path) -> None:
    """Write the tensors of a module that are trained."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: one.contiguous() for name, one in _trained(module).items()}, folder / _TRAINED)


def load_trained(module: nn.Module, folder: Path) -> None:
    """Take over the tensors that `save_trained` wrote, one after the other.

    Raises
    ------
    InputError
        If they are not those that the module trains.
    """
    wanted = _trained(module)
    with safe_open(folder / _TRAINED, framework="pt") as file:
        if set(file.keys()) != set(wanted):
            raise InputError(
                f"{folder} is the state of other weights than this stage trains. Remove it to "
                "begin the stage anew."
            )
        for name, tensor in wanted.items():
            tensor.copy_(file.get_tensor(name))


def _trained(module: nn.Module) -> dict[str, Tensor]:
    return {name: one.data for name, one in module.named_parameters() if one.requires_grad}
