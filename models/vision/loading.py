"""Load a checkpoint's processor and model, or tell from its files that they cannot be loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import InputError, MissingError
from models.weights_files import find_weights

if TYPE_CHECKING:
    from models.devices import Placement

_SHOWN_KEYS = 3
_UNLOADABLE = (ImportError, OSError, ValueError, KeyError, AttributeError, TypeError)
"""What transformers raises for a processor that it cannot make."""


def check_folder(folder: Path) -> None:
    """Check that a folder holds an image-text-to-text model of this transformers.

    Raises
    ------
    InputError
        If its config cannot be read, or is of another kind of model.
    MissingError
        If its config or its weights are not there.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KINDS,
    )

    kind = _kind(folder / "config.json")
    if kind not in KINDS:
        raise InputError(
            f"{folder} holds a model of type {kind!r}, which this transformers does not run on "
            "images and text. A newer transformers may; code that comes with a checkpoint is not "
            "run. Libra and its relatives have an adapter of their own, libra."
        )
    if not find_weights(folder):
        raise MissingError(
            f"{folder} holds no weights (model.safetensors or its index). Download it again."
        )


def _kind(file: Path) -> str:
    try:
        config = json.loads(file.read_bytes())
        return str(config["model_type"])
    except FileNotFoundError:
        raise MissingError(f"{file} is not there. Give the folder of a checkpoint.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file} is no model's config ({type(error).__name__}). Download it again."
        ) from error


def load_processor(folder: Path) -> Any:
    """Return a checkpoint's processor, with Pillow preprocessing; no code of the folder runs.

    Raises
    ------
    InputError
        If there is none, or it has no chat template.
    MissingError
        If it needs a package that is not installed.
    """
    try:
        processor = _processor(folder)
    except _UNLOADABLE as error:
        if _wants_torchvision(error):
            raise MissingError(
                f"The processor of {folder} needs torchvision, which is not installed. Install the "
                "version that fits your torch (pytorch.org/get-started)."
            ) from error
        if isinstance(error, ImportError):
            raise MissingError(_needs_a_package(folder, error)) from error
        raise InputError(
            f"The processor of {folder} cannot be loaded ({type(error).__name__}). Check that all "
            "files of the checkpoint are there; one that needs code of its own is not run."
        ) from error
    if getattr(processor, "chat_template", None) is None:
        raise InputError(
            f"The processor of {folder} has no chat template, so it is not known how to show it "
            "images and a question. Take an instruction-tuned checkpoint."
        )
    return processor


def _processor(folder: Path) -> Any:
    import transformers

    from models.vision.images_only import load_without_videos

    kind: Any = transformers.AutoProcessor
    classes: Any = transformers.models.auto.processing_auto
    try:
        # torchvision's preprocessing would give other pixels where it happens to be installed
        return kind.from_pretrained(
            folder, backend="pil", local_files_only=True, trust_remote_code=False
        )
    except _UNLOADABLE as error:
        name = classes.PROCESSOR_MAPPING_NAMES.get(_kind(folder / "config.json"))
        if name is None or not _wants_torchvision(error):
            raise
        return load_without_videos(folder, name)


def _wants_torchvision(error: Exception) -> bool:
    """Whether it explains the error: video processors, and some for images, exist only there."""
    said = str(error).lower()
    return find_spec("torchvision") is None and ("torchvision" in said or "video" in said)


def _needs_a_package(folder: Path, error: ImportError) -> str:
    said = str(error).strip().partition("\n")[0]
    return f"{folder} needs a package that is not installed ({said}). Install it."


def load_model(folder: Path, where: Placement) -> Any:
    """Return a checkpoint's model on its device, in evaluation mode.

    Raises
    ------
    InputError
        If it cannot be loaded, or tensors are missing or of another shape.
    MissingError
        If it needs a package that is not installed.
    """
    import transformers

    kind: Any = transformers.AutoModelForImageTextToText
    try:
        with _no_progress_bars():
            model, report = kind.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                **where.loading_options(),
            )
    except ImportError as error:
        raise MissingError(_needs_a_package(folder, error)) from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"{folder} cannot be loaded as an image-text-to-text model ({type(error).__name__}). "
            "Check that all its files are there and whole."
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        shown = ", ".join(missing[:_SHOWN_KEYS])
        raise InputError(
            f"{folder} lacks {len(missing)} of the model's tensors ({shown} …). Download it again."
        )
    return where.put_language_model(model).eval()


def token_settings(model: Any, processor: Any) -> dict[str, Any]:
    """Return the token ids of a checkpoint's generation settings, and drop the rest of them.

    What a checkpoint recommends (sampling, penalties) must not come in where nothing is set.
    ``eos_token_id`` is a list.
    """
    import transformers

    tokenizer = getattr(processor, "tokenizer", processor)
    own = model.generation_config.to_dict()
    ids = {name: value for name, value in own.items() if name.endswith("_token_id")}
    ends = ids.get("eos_token_id")
    if ends is None:
        ends = tokenizer.eos_token_id
    ids["eos_token_id"] = list(ends) if isinstance(ends, list | tuple) else [ends]
    if ids.get("pad_token_id") is None:
        pad = tokenizer.pad_token_id
        ids["pad_token_id"] = ids["eos_token_id"][0] if pad is None else pad
    kind: Any = transformers.GenerationConfig
    model.generation_config = kind(**ids)
    return ids


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing its bars, also where stderr is no terminal."""
    import transformers

    logging: Any = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
