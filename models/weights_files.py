"""Weight files of a checkpoint folder: which there are, their tensors, their hashes.

Only tensors are ever read: safetensors, or pickles under ``weights_only=True``, which refuses
everything else that a pickle could hold.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import warnings
from collections.abc import Callable, Iterable, Mapping
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zipfile import is_zipfile

from models.errors import InputError, MissingError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
_BLOCK_BYTES = 1 << 22
_FLOATS = ("float32", "float16", "bfloat16", "float64")
_POSITIONS = "position_ids"
"""A buffer of whole numbers that old versions of transformers saved."""


def find_weights(folder: Path) -> list[Path]:
    """Return the files of a whole model in ``folder``, shards in the index's order; may be empty.

    Safetensors win over pickles, a single file over an index, as transformers decides.

    Raises
    ------
    InputError
        If an index cannot be read or names a file outside its folder.
    MissingError
        If a shard that an index names is not there.
    """
    for index, single in zip(INDEX_FILES, SINGLE_FILES, strict=True):
        if isfile(folder / single):
            return [folder / single]
        if isfile(folder / index):
            return _shards(folder / index)
    return []


def _shards(index: Path) -> list[Path]:
    try:
        names = list(dict.fromkeys(json.loads(index.read_bytes())["weight_map"].values()))
        shards = [index.parent / str(name) for name in names]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(
            f"{index} is no index of weights ({type(error).__name__}). Download it again."
        ) from error
    for name, shard in zip(names, shards, strict=True):
        if Path(str(name)).name != str(name):
            raise InputError(f"{index} names a file outside its folder. Do not use this folder.")
        if not isfile(shard):
            raise MissingError(f"{shard} is not there, but {index.name} names it. Download it.")
    return shards


def merge_shards(files: Iterable[Path], read: Callable[[Path], Mapping[str, T]]) -> dict[str, T]:
    """Return what ``read`` finds in all files of one model.

    Raises
    ------
    InputError
        If two files hold a tensor of the same name.
    """
    found: dict[str, T] = {}
    for file in files:
        part = read(file)
        twice = next((name for name in part if name in found), None)
        if twice is not None:
            raise InputError(
                f"{file} holds {twice}, which a file before it holds too. Download the model again."
            )
        found.update(part)
    return found


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Return all tensors of a file by name, on the CPU; mapped, not copied, where possible.

    Raises
    ------
    InputError
        If the file is damaged, or is a pickle that holds more than tensors; nothing in it runs.
    MissingError
        If it is not there.
    """
    _refuse_odd_path(file)
    if not isfile(file):  # of a name too long for a file system, Path.is_file raises
        raise MissingError(f"There is no weight file {file}. Check the path, or download it.")
    tensors = _read_safetensors(file) if file.suffix == ".safetensors" else _read_pickle(file)
    return tensors


def read_weights(file: Path) -> dict[str, Tensor]:
    """Return all tensors of a file, checked by `check_weights`; raises as `read_tensors`."""
    tensors = read_tensors(file)
    check_weights(tensors, file)
    return tensors


def check_weights(tensors: Mapping[str, Tensor], file: Path) -> None:
    """Raise InputError, naming the tensor, where weights are no floats or not finite."""
    for name, tensor in tensors.items():
        if name.endswith(_POSITIONS):
            continue
        kind = str(tensor.dtype).removeprefix("torch.")
        if kind not in _FLOATS:
            raise InputError(
                f"{file}: {name} holds {kind}, not floats. Quantised files are not read: take the "
                "float16 checkpoint, with dtype 8bit or 4bit to quantise it here."
            )
        # a sum is ten times as fast, and tells all but an overflow of its own
        if not tensor.sum().isfinite() and not tensor.isfinite().all():
            raise InputError(
                f"{file}: {name} holds numbers that are not finite (NaN or infinity). The file is "
                "damaged or its training diverged: download it again, or take an earlier one."
            )


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all tensors of a file by name, without reading them; raises as above."""
    if file.suffix != ".safetensors" or not isfile(file):
        return {name: tuple(tensor.shape) for name, tensor in read_tensors(file).items()}
    _refuse_odd_path(file)
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as opened:
            return {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(file) from error


def _refuse_odd_path(file: Path) -> None:
    """Raise InputError for a path that the readers cannot take, whatever the file holds."""
    try:
        str(file).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"The path {str(file)!a} is not in UTF-8, so no weights can be read from it. "
            "Rename the folder."
        ) from error


def _damaged(file: Path) -> InputError:
    return InputError(f"{file} is no whole safetensors file. Download it again.")


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(file) from error


def _read_pickle(file: Path) -> dict[str, Tensor]:
    import torch

    try:
        with warnings.catch_warnings():
            # torch warns of a protocol that it then refuses: our error says so
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            content = torch.load(file, map_location="cpu", weights_only=True, mmap=is_zipfile(file))
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{file} is refused: it is damaged, or holds more than tensors, which could run code. "
            "Nothing of it was run. Convert it to safetensors where you trust its source."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise InputError(
            f"{file} cannot be read ({type(error).__name__}): it is damaged or no file of torch. "
            "Download it again."
        ) from error
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise InputError(
            f"{file} holds no table of tensors by name. Check that it is a checkpoint."
        )
    for name, value in content.items():
        if value.layout != torch.strided or value.device.type != "cpu":
            raise InputError(f"{file}: {name} has no numbers of its own (sparse or meta tensor).")
    return dict(content)


def hash_weights(files: Path | Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of every weight file by name; of all those in a folder, if given one."""
    found = _weight_files(files) if isinstance(files, Path) else sorted(files)
    return {file.name: _sha256(file) for file in found}


def _weight_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix in (".safetensors", ".bin"))


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
