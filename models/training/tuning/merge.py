"""Make a whole checkpoint of an adapter or a projector and its base, one tensor at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.arguments import check_argument
from models.errors import InputError
from models.libra.checkpoint import Checkpoint, find_adapter, find_checkpoint
from models.libra.language_model import language_class, language_config, quiet_transformers
from models.libra.loading import check_files, fetch_known_tower
from models.libra.lora import attach_adapter
from models.libra.manifest import language_keys
from models.libra.projector_files import projector_tensors
from models.libra.tensor_names import PROJECTOR_PREFIX, below, collect
from models.training.tuning.publishing import published
from models.training.tuning.shards import SHARD_BYTES, Planned, write_model
from models.training.tuning.whole_model import (
    official_projector,
    tower_part,
    whole_config,
    write_settings,
)
from models.weights_files import read_tensors, tensor_shapes

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]

MERGED_DTYPES = ("float32", "bfloat16", "float16")
_SAVED = "base_model.model."
"""What peft puts before a model's names in the file of an adapter."""


@dataclass(frozen=True)
class _Place:
    """Where a tensor stands, and what it is."""

    file: Path
    name: str
    planned: Planned


def merge(
    model: str | Path,
    base: str | Path | None,
    output: str | Path,
    dtype: str | None = None,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress = lambda *_: nullcontext(lambda _: None),
) -> Checkpoint:
    """Write the whole checkpoint that an adapter (or a projector) makes of its base.

    No more is in memory than the adapter, one tensor, and the file of the base that is read.
    Sums are taken in float32. The tower's weights go into the checkpoint, and so does the
    conversation template that the folder's name stood for.

    Parameters
    ----------
    model, base
        As `models.load` takes them.
    output
        A folder that is empty, or not there.
    dtype
        One of ``MERGED_DTYPES``, for all weights; None keeps that of each tensor's file.
    shard_bytes
        Most bytes of a file that holds more than one tensor.
    progress
        Given a description and the number of tensors, returns a context that is told of each.

    Returns
    -------
    Checkpoint
        What was merged, with notes of what was decided.

    Raises
    ------
    InputError
        If ``model`` is whole already, its parts do not fit, ``output`` holds files, or the disk
        refuses.
    MissingError
        If files, the base, the tower or peft are not there.
    """
    check_argument("dtype", dtype, str, None)
    if dtype is not None and dtype not in MERGED_DTYPES:
        raise InputError(f"Unknown dtype {dtype!r}. Known: {', '.join(MERGED_DTYPES)}.")
    folder = _empty(Path(output).expanduser())
    checkpoint = find_checkpoint(model, base)
    if checkpoint.layout == "full":
        raise InputError(f"{checkpoint.folder} is whole already: there is nothing to merge.")
    fetch_known_tower(checkpoint)
    check_files(checkpoint)
    try:
        with published(folder) as scratch:
            _write(scratch, checkpoint, dtype, shard_bytes, progress)
    except OSError as error:
        raise InputError(
            f"Cannot write {folder}: {error.strerror or error}. It is left empty. Free space, or "
            "give another folder."
        ) from error
    return checkpoint


def _empty(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty. Give a folder that is, or one that is not there.")
    return folder


def _write(
    folder: Path,
    checkpoint: Checkpoint,
    dtype: str | None,
    shard_bytes: int,
    progress: Progress,
) -> None:
    places = collect(checkpoint, _places)
    merged = _Merged(checkpoint, places)
    tower = tower_part(checkpoint)
    projector = official_projector(checkpoint, projector_tensors(below(PROJECTOR_PREFIX, places)))
    found = {name: places[name] for name in language_keys(checkpoint.config)} | projector
    planned = {name: place.planned for name, place in found.items()}
    planned |= {name: Planned(tuple(one.shape), one.dtype) for name, one in tower.items()}
    if dtype is not None:
        number = getattr(torch, dtype)
        planned = {name: Planned(one.shape, number) for name, one in planned.items()}

    with progress("merging tensors", len(planned)) as advance:

        def read(name: str) -> Tensor:
            advance(1)
            if name in tower:
                return tower[name]
            return merged.base(projector[name]) if name in projector else merged.language(name)

        write_model(folder, planned, read, shard_bytes)
    config = whole_config(checkpoint)
    config |= {"dtype": str(next(iter(planned.values())).dtype).removeprefix("torch.")}
    config |= {"harness_template": checkpoint.template.name}
    config.pop("torch_dtype", None)
    write_settings(folder, checkpoint, config)


def _places(file: Path) -> dict[str, _Place]:
    return {
        name: _Place(file, name, Planned(tuple(tensor.shape), tensor.dtype))
        for name, tensor in read_tensors(file).items()
    }


class _Merged:
    """The language model's tensors with the adapter merged into them, each when it is asked for.

    peft's own layers do the sums, on a hollow model whose layers are filled in turn.
    """

    def __init__(self, checkpoint: Checkpoint, places: Mapping[str, _Place]) -> None:
        self._places = places
        self._opened: tuple[Path, dict[str, Tensor]] | None = None
        self._layers: dict[str, Any] = {}
        self._trained: dict[str, Tensor] = {}
        self._last: tuple[str, dict[str, Tensor]] = ("", {})
        if checkpoint.layout == "lora":
            self._read_adapter(checkpoint)

    def base(self, place: _Place) -> Tensor:
        """Return a tensor of a file; the file stays open until another is asked for."""
        if self._opened is None or self._opened[0] != place.file:
            self._opened = None  # lets go of the file before
            self._opened = (place.file, read_tensors(place.file))
        return self._opened[1][place.name]

    def language(self, name: str) -> Tensor:
        """Return a tensor of the merged language model, by its official name."""
        if name in self._trained:
            return self._trained[name]
        layer, _, kind = name.rpartition(".")
        if layer not in self._layers:
            return self.base(self._places[name])
        if self._last[0] != layer:
            self._last = (layer, self._merged(layer))
        return self._last[1][kind]

    def _read_adapter(self, checkpoint: Checkpoint) -> None:
        from peft.tuners.lora import LoraLayer
        from peft.utils.other import ModulesToSaveWrapper

        wrapped = attach_adapter(_hollow(checkpoint), checkpoint.folder)
        saved = tensor_shapes(find_adapter(checkpoint.folder))
        model = wrapped.base_model.model
        for name, module in model.named_modules():
            if isinstance(module, LoraLayer):
                self._layers[name] = module
            elif isinstance(module, ModulesToSaveWrapper):
                own = module.modules_to_save["default"].named_parameters()
                self._trained |= {f"{name}.{kind}": tensor for kind, tensor in own}
        # biases that were trained stand among the model's own
        self._trained |= {
            name: tensor for name, tensor in model.named_parameters() if _SAVED + name in saved
        }

    def _merged(self, name: str) -> dict[str, Tensor]:
        layer = self._layers[name]
        base = layer.get_base_layer()
        hollow = dict(base.named_parameters())
        for kind in hollow:
            if f"{name}.base_layer.{kind}" not in self._trained:
                tensor = self.base(self._places[f"{name}.{kind}"]).to(torch.float32, copy=True)
                setattr(base, kind, torch.nn.Parameter(tensor, requires_grad=False))
        layer.float().merge()
        found = {kind: parameter.data for kind, parameter in base.named_parameters()}
        for kind, parameter in hollow.items():
            setattr(base, kind, parameter)
        return found


def _hollow(checkpoint: Checkpoint) -> Any:
    """Return the language model with matrices that take no memory: all their numbers are one."""
    with torch.device("meta"), quiet_transformers():
        model = language_class(checkpoint.config)(language_config(checkpoint.config))
    for module in model.modules():
        for kind, parameter in list(module.named_parameters(recurse=False)):
            whole = parameter.shape if parameter.dim() < 2 else ()
            one = torch.zeros(whole).expand(parameter.shape)
            setattr(module, kind, torch.nn.Parameter(one, requires_grad=False))
    return model
