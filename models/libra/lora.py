"""Merge a LoRA adapter of peft into its language model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import InputError, MissingError
from models.libra.checkpoint import find_adapter
from models.libra.key_table import compare
from models.libra.language_model import UNBUILDABLE
from models.weights_files import read_weights

if TYPE_CHECKING:
    from torch import Tensor


_ADAPTER = ".default."
"""The adapter's name in a model that is being trained, as saved by ``state_dict``."""


def merge_adapter(language_model: Any, folder: Path) -> Any:
    """Return the language model with the adapter merged into its weights; as `attach_adapter`."""
    wrapped = attach_adapter(language_model, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wrapped.merge_and_unload()


def attach_adapter(language_model: Any, folder: Path) -> Any:
    """Return peft's model of a language model with the adapter of ``folder`` beside its weights.

    Raises
    ------
    InputError
        If the adapter's tensors do not fit the model; a table names them, and nothing is loaded.
    MissingError
        If peft is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise MissingError(
            'LoRA adapters need peft: `pip install "cxr-harness[models]"`.'
        ) from error
    file = find_adapter(folder)
    tensors = _saved_names(read_weights(file), file)
    # peft warns that it cannot find the base by its name, which is not how it was found here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped = _wrapped(language_model, folder, peft)
        needed = {
            name: tuple(tensor.shape)
            for name, tensor in peft.get_peft_model_state_dict(
                wrapped, save_embedding_layers=False
            ).items()
        }
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        compare(found, needed).refuse(folder)
        peft.set_peft_model_state_dict(wrapped, tensors)
        return wrapped


def _saved_names(tensors: Mapping[str, Tensor], file: Path) -> dict[str, Tensor]:
    """Return tensors under the names that peft saves; training's carry the adapter's as well."""
    named = {name.replace(_ADAPTER, "."): tensor for name, tensor in tensors.items()}
    if len(named) != len(tensors):
        raise InputError(f"{file} holds tensors twice, with and without {_ADAPTER!r}. Keep one.")
    return named


def _wrapped(language_model: Any, folder: Path, peft: Any) -> Any:
    try:
        config = peft.PeftConfig.from_pretrained(str(folder))
        # for Megatron, peft imports a module that adapter_config.json names
        if config.peft_type != peft.PeftType.LORA or config.megatron_config:
            raise ValueError("not a plain LoRA adapter")
        return peft.get_peft_model(language_model, config)
    except UNBUILDABLE as error:
        raise InputError(
            f"{folder / 'adapter_config.json'} does not fit the base model, or is none of a LoRA "
            f"adapter ({type(error).__name__}). Check that the base is the one it was trained on."
        ) from error
