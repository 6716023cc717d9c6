"""Weights from files that others made: read without running code, and fitted key for key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metrics.errors import InputError, MissingError

if TYPE_CHECKING:
    from torch import Tensor, nn

_ROWS = 12


def read_checkpoint(path: Path, shown: Path | None = None) -> Any:
    """Return what a torch or safetensors file holds, on the CPU; a pickle's code never runs.

    ``shown`` is the file's name in messages, where it is not its path.

    Raises
    ------
    InputError
        If the file holds anything but tensors and plain containers, or is damaged.
    MissingError
        If there is no such file.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    shown = shown or path
    if not path.is_file():
        raise MissingError(f"The weights {shown} are not there.")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{shown} is no readable safetensors file: {error}") from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    # a hostile or damaged file makes the unpickler raise almost anything
    except Exception as error:
        raise InputError(
            f"{shown} is no file of plain weights: it is damaged, or would run code when loaded, "
            f"which is refused ({type(error).__name__}). Take the official file."
        ) from error


def tensors(found: Any, path: Path) -> dict[str, Tensor]:
    """Return what was read as a flat mapping from names to tensors.

    Raises
    ------
    InputError
        If it is something else.
    """
    import torch

    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in found.items()
    ):
        raise InputError(f"{path} holds no mapping from names to tensors. Take the official file.")
    return dict(found)


def fill(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    path: Path,
    official: Callable[[str], str] = str,
) -> None:
    """Set the module's parameters; names and shapes must fit exactly, values become float32.

    ``official`` returns the name that a parameter of the module has in the file.

    Raises
    ------
    InputError
        If names are missing or unexpected, or shapes differ, with a table of them; or if a value
        is no finite number.
    """
    wanted = module.state_dict()
    rows = [
        *((name, "missing", wanted[name]) for name in wanted.keys() - weights.keys()),
        *((name, "unexpected", weights[name]) for name in weights.keys() - wanted.keys()),
        *(
            (name, f"expected {_shape(wanted[name])}, found", weights[name])
            for name in wanted.keys() & weights.keys()
            if wanted[name].shape != weights[name].shape
        ),
    ]
    if rows:
        rows = [(official(name), what, value) for name, what, value in rows]
        raise InputError(
            f"The weights {path} do not fit the model that the configuration describes:\n"
            f"{_table(rows)}\nTake the checkpoint and the encoder's folder that belong together."
        )
    check_finite({official(name): value for name, value in weights.items()}, path)
    module.load_state_dict({name: value.float() for name, value in weights.items()})


def check_finite(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights that are not numbers.

    Raises
    ------
    InputError
        If a value is not a number or infinite; the message names the tensor.
    """
    for name, value in weights.items():
        # the sum of finite numbers may be infinite, but rarely is, and is quicker to look at
        if not value.float().sum().isfinite() and not value.isfinite().all():
            raise InputError(
                f"The weights {path} are damaged: {name} holds values that are not finite numbers. "
                "Take the official file."
            )


def _table(rows: list[tuple[str, str, Tensor]]) -> str:
    lines = [f"  {name}: {what} {_shape(value)}" for name, what, value in sorted(rows, key=_name)]
    more = len(lines) - _ROWS
    return "\n".join([*lines[:_ROWS], *([f"  and {more} more"] if more > 0 else [])])


def _name(row: tuple[str, str, Tensor]) -> str:
    return row[0]


def _shape(value: Tensor) -> str:
    return str(tuple(value.shape))
