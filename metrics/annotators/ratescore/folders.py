"""Models from folders as the hub lays them out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from metrics.annotators.checkpoints import fill, read_checkpoint, tensors
from metrics.annotators.encoders import load_tokenizer
from metrics.errors import InputError, MissingError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

_FILES = ("model.safetensors", "pytorch_model.bin")
# positions are 0, 1, 2, ...; the pooler and the head of the pre-training are never asked
_UNUSED = ("embeddings.position_ids", "pooler.", "lm_head.")


def fill_from(model: nn.Module, folder: Path) -> None:
    """Set the model's parameters from the weights in its folder, by their official names.

    Raises
    ------
    InputError
        If the file is damaged, holds code, or does not fit the model.
    MissingError
        If there is none.
    """
    path = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if path is None:
        raise MissingError(
            f"{folder} has no weights: one of {', '.join(_FILES)} is needed. "
            "Download the model's folder whole."
        )
    own: Any = model
    prefix = f"{own.base_model_prefix}."
    inner = any(name.startswith(prefix) for name in model.state_dict())
    found = tensors(read_checkpoint(path), path)
    before = prefix if not inner and any(name.startswith(prefix) for name in found) else ""
    weights = {
        name if inner else name.removeprefix(prefix): value
        for name, value in found.items()
        if not name.removeprefix(prefix).startswith(_UNUSED)
    }
    fill(model, weights, path, lambda name: before + name)


def read_tokenizer(folder: Path, max_tokens: int) -> Tokenizer:
    """Return the folder's tokeniser, which cuts texts after ``max_tokens`` pieces.

    It is read from tokenizer.json: transformers 5 puts a normaliser of its own in the place of
    DeBERTa's, and so reads characters such as ligatures and fractions otherwise.

    Raises
    ------
    InputError
        If its files are damaged.
    MissingError
        If there are none.
    """
    path = folder / "tokenizer.json"
    tokenizer = _read(path) if path.is_file() else load_tokenizer(folder).backend_tokenizer
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _read(path: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    # the library raises bare Exception for a damaged file
    except Exception as error:
        raise InputError(f"{path} is no tokeniser that can be read: {error}") from error
