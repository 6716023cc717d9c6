"""Which class of transformers a checkpoint's language model is, and its config object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from logging import CRITICAL
from typing import Any

from models.errors import InputError
from models.libra.config import LANGUAGE_CLASSES, LibraConfig

UNBUILDABLE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError)
"""What transformers and torch raise at sizes and names that make no model."""
_MOST = {"num_hidden_layers": 1000, "image_size": 4096}
"""Sizes beyond these are mistakes that would take all memory before they are found."""


def language_class(config: LibraConfig) -> Any:
    """Return transformers' class of the language model."""
    import transformers

    return getattr(transformers, LANGUAGE_CLASSES[config.model_type])


def language_config(config: LibraConfig) -> Any:
    """Return transformers' config object of the language model.

    Raises
    ------
    InputError
        If a field has a value that transformers refuses.
    """
    return transformers_config(config.model_type, config.language_model, "config.json")


def transformers_config(model_type: str, fields: Mapping[str, Any], where: object) -> Any:
    """Return transformers' config object of these fields; raises as `language_config`."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    for name, most in _MOST.items():
        size = fields.get(name)
        if isinstance(size, int | float) and size > most:
            raise refused(model_type, where, ValueError(f"{name} {size} is above {most}"))
    try:
        with quiet_transformers():
            return AutoConfig.for_model(model_type, **fields)
    except (StrictDataclassError, *UNBUILDABLE) as error:
        raise refused(model_type, where, error) from error


def refused(model_type: str, where: object, error: Exception) -> InputError:
    """Return the error of a config that transformers can make nothing of."""
    problem = " ".join(str(error).split())
    return InputError(
        f"The fields of {where} make no {model_type!r} model: {problem}. Download the file again."
    )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' loading reports: what matters of them is checked and told by us."""
    import warnings

    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
