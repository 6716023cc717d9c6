"""Save what a stage has trained in the layouts that Libra publishes, and that `models.load` reads.

Unlike the original's, an adapter's folder always holds the projector, frozen or not (its
``finetune_lora.sh`` saves none, so that a run from a plain language model loses it), and a
projector's folder names its base.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.libra.checkpoint import ADAPTER_FILES, BASE_FIELD, NON_LORA_FILE
from models.libra.language_model import language_config
from models.libra.manifest import HEAD
from models.libra.tensor_names import PROJECTOR_PREFIX, below
from models.training.saved_parts import projector_part
from models.training.tuning.disk import writing
from models.training.tuning.publishing import published
from models.training.tuning.shards import Planned, write_model
from models.training.tuning.start import DTYPES, Started
from models.training.tuning.whole_model import (
    official_projector,
    tower_part,
    tower_reference,
    whole_config,
    write_json,
    write_settings,
)

_LANGUAGE = "language_model."
_PROJECTOR_FILE = "mm_projector.bin"
_PEFT_PREFIX = "base_model.model."


def saved_names(started: Started) -> list[str]:
    """Return the names in the learner's ``state_dict`` whose tensors `save_stage` needs."""
    names = dict.fromkeys(started.learner.state_dict())
    if started.layout == "full":
        return list(names)
    projector = projector_part(names)
    if started.layout == "projector":
        return list(projector)
    adapter = started.learner.language_model.peft_config["default"]
    kept = [name for name in names if name not in projector and _is_adapters(name, adapter)]
    return [*kept, *projector]


def save_stage(folder: Path, started: Started, tensors: Mapping[str, Tensor] | None = None) -> None:
    """Save a stage's model: a projector, an adapter with the projector, or a whole checkpoint.

    Projectors and adapters are saved in the numbers that they are trained in, whole language
    models in the stage's precision. A checkpoint that the folder holds is replaced at once.

    Parameters
    ----------
    folder
        Where to; made if it is not there, and other files in it stay.
    started
        The stage.
    tensors
        The learner's, by the names of its ``state_dict``: at least `saved_names`. None: its own;
        a sharded learner's must be gathered first.

    Raises
    ------
    InputError
        If the disk refuses; what was saved before is untouched.
    """
    found = dict(started.learner.state_dict()) if tensors is None else dict(tensors)
    with writing(folder), published(folder) as scratch:
        if started.layout == "full":
            _save_whole(scratch, started, found)
        elif started.layout == "lora":
            _save_adapter(scratch, started, found)
        else:
            _save_projector(scratch, started, found)


def _save_projector(folder: Path, started: Started, tensors: Mapping[str, Tensor]) -> None:
    named = {PROJECTOR_PREFIX + name: one for name, one in _projector(tensors).items()}
    _save_pickle(folder / _PROJECTOR_FILE, named)
    base = {BASE_FIELD: started.base}
    write_json(folder / "config.json", _config(started) | _tower(started) | base)


def _save_adapter(folder: Path, started: Started, tensors: Mapping[str, Tensor]) -> None:
    import peft
    from safetensors.torch import save_file

    model = started.learner.language_model
    with warnings.catch_warnings():  # peft looks for the base by its name
        warnings.simplefilter("ignore")
        adapter = peft.get_peft_model_state_dict(
            model, below(_LANGUAGE, tensors), save_embedding_layers=False
        )
    plain = {name: one.detach().cpu().contiguous() for name, one in adapter.items()}
    save_file(plain, folder / ADAPTER_FILES[0], metadata={"format": "pt"})
    settings = copy.deepcopy(model.peft_config["default"])
    settings.base_model_name_or_path = started.base
    settings.inference_mode = True
    if isinstance(settings.target_modules, set):  # every process would write another order
        settings.target_modules = sorted(settings.target_modules)
    settings.save_pretrained(str(folder))
    prefix = _PEFT_PREFIX + PROJECTOR_PREFIX
    others = {prefix + name: one for name, one in _projector(tensors).items()}
    _save_pickle(folder / NON_LORA_FILE, others)
    write_json(folder / "config.json", _config(started) | _tower(started))


def _save_whole(folder: Path, started: Started, tensors: Mapping[str, Tensor]) -> None:
    config = started.origin.config
    dtype = DTYPES[started.stage.precision]
    language = below(_LANGUAGE, tensors)
    if language_config(config).tie_word_embeddings:
        language.pop(HEAD, None)
    projector = official_projector(started.origin, _projector(tensors))
    fixed = projector | tower_part(started.origin)
    planned = {name: Planned(tuple(one.shape), dtype) for name, one in language.items()}
    planned |= {name: Planned(tuple(one.shape), one.dtype) for name, one in fixed.items()}
    write_model(folder, planned, (language | fixed).__getitem__)
    settings = _config(started) | {"dtype": str(dtype).removeprefix("torch.")}
    settings.pop("torch_dtype", None)
    write_settings(folder, started.origin, settings)


def _config(started: Started) -> dict[str, Any]:
    """Return config.json with what is known after training, under the original's names."""
    stage, data = started.stage, started.recipe.data_of(started.stage)
    return whole_config(started.origin) | {
        "mm_hidden_size": started.learner.vision_tower.width,
        "tune_mm_mlp_adapter": stage.trains == ("projector",),
        "freeze_mm_mlp_adapter": "projector" not in stage.trains,
        "tokenizer_padding_side": "right",
        "tokenizer_model_max_length": stage.model_max_length,
        "harness_template": started.recipe.template,
        "harness_context_sections": None if data.context is None else list(data.context),
    }


def _tower(started: Started) -> dict[str, Any]:
    return {"mm_vision_tower": tower_reference(started.origin)}


def _projector(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return below("mm_projector.", tensors)


def _is_adapters(name: str, settings: Any) -> bool:
    """Return whether peft may save a tensor as part of an adapter with these settings."""
    return (
        "lora_" in name or "modules_to_save" in name or (settings.bias != "none" and "bias" in name)
    )


def _save_pickle(file: Path, tensors: Mapping[str, Tensor]) -> None:
    # through memory: what torch raises when a disk is full tells nothing of the disk
    content = io.BytesIO()
    torch.save({name: one.detach().cpu().clone() for name, one in tensors.items()}, content)
    file.write_bytes(content.getbuffer())
