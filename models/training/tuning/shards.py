"""Write a whole model's safetensors, tensor by tensor: none but one is in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from models.libra.key_table import Shape
from models.weights_files import INDEX_FILES, SINGLE_FILES

SHARD_BYTES = 5_000_000_000
"""Most bytes of tensors in a file, as transformers 4 has it."""
_KINDS = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float64: "F64",
}


@dataclass(frozen=True)
class Planned:
    """A tensor that will be written."""

    shape: Shape
    dtype: torch.dtype

    @property
    def size_bytes(self) -> int:
        """Its size in a file."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize


def write_model(
    folder: Path,
    planned: Mapping[str, Planned],
    read: Callable[[str], Tensor],
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write ``model.safetensors``, or shards with their index, into a folder.

    Parameters
    ----------
    folder
        Where to.
    planned
        The tensors by name, in the order in which they are read.
    read
        Returns a tensor of the planned shape; it is asked once for each.
    shard_bytes
        Most bytes of a shard that holds more than one tensor.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    shards = list(_shards(planned, shard_bytes))
    if len(shards) == 1:
        _write(folder / SINGLE_FILES[0], planned, read)
        return
    places: dict[str, str] = {}
    for number, names in enumerate(shards, 1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        _write(folder / file, {name: planned[name] for name in names}, read)
        places |= dict.fromkeys(names, file)
    total = sum(one.size_bytes for one in planned.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / INDEX_FILES[0]).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _shards(planned: Mapping[str, Planned], shard_bytes: int) -> Iterator[Sequence[str]]:
    names: list[str] = []
    size = 0
    for name, one in planned.items():
        if names and size + one.size_bytes > shard_bytes:
            yield names
            names, size = [], 0
        names.append(name)
        size += one.size_bytes
    yield names


def _write(file: Path, planned: Mapping[str, Planned], read: Callable[[str], Tensor]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, one in planned.items():
        begin, end = end, end + one.size_bytes
        offsets = [begin, end]
        header[name] = {
            "dtype": _KINDS[one.dtype],
            "shape": list(one.shape),
            "data_offsets": offsets,
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name, one in planned.items():
            _append(stream, name, one, read(name))


def _append(stream: BinaryIO, name: str, planned: Planned, tensor: Tensor) -> None:
    if tuple(tensor.shape) != planned.shape:
        raise ValueError(f"{name} is {list(tensor.shape)}, planned {list(planned.shape)}")
    plain = tensor.detach().to("cpu", planned.dtype).contiguous()
    stream.write(plain.flatten().view(torch.uint8).numpy().data)
