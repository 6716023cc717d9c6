"""Merge a LoRA adapter of peft into its language model."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from models.errors import InputError, MissingError
from models.libra.checkpoint import find_adapter
from models.libra.key_table import compare
from models.libra.language_model import UNBUILDABLE
from models.weights_files import read_tensors


def merge_adapter(language_model: Any, folder: Path) -> Any:
    """Return the language model with the adapter of ``folder`` merged into its weights.

    Raises
    ------
    InputError
        If the adapter's tensors do not fit the model; a table names them, and nothing is merged.
    MissingError
        If peft is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise MissingError(
            'LoRA adapters need peft: `pip install "cxr-harness[models]"`.'
        ) from error
    tensors = read_tensors(find_adapter(folder))
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
        return wrapped.merge_and_unload()


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
