"""Merge a LoRA adapter of peft into its language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.errors import InputError, MissingError
from models.libra.checkpoint import find_adapter
from models.libra.key_table import compare
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
        from peft import PeftConfig, get_peft_model, get_peft_model_state_dict
        from peft import set_peft_model_state_dict
    except ImportError as error:
        raise MissingError(
            'LoRA adapters need peft: `pip install "cxr-harness[models]"`.'
        ) from error
    try:
        config = PeftConfig.from_pretrained(str(folder))
        wrapped = get_peft_model(language_model, config)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{folder / 'adapter_config.json'} does not fit the base model "
            f"({type(error).__name__}). Check that the base is the one it was trained on."
        ) from error
    tensors = read_tensors(find_adapter(folder))
    needed = {
        name: tuple(tensor.shape) for name, tensor in get_peft_model_state_dict(wrapped).items()
    }
    compare({name: tuple(tensor.shape) for name, tensor in tensors.items()}, needed).refuse(folder)
    set_peft_model_state_dict(wrapped, tensors)
    return wrapped.merge_and_unload()
