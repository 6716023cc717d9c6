"""Load what a stage trains: parts on a device, the trained ones free, the others frozen."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.devices import Placement
from models.errors import InputError, MissingError
from models.images.preprocess import Preprocessor
from models.libra.checkpoint import Checkpoint, Layout
from models.libra.language_model import language_config
from models.libra.loading import (
    check_files,
    fetch_known_tower,
    load_language_model,
    load_projector_of,
    load_tower,
)
from models.libra.lora import attach_adapter
from models.libra.projectors import Projector, build_projector
from models.libra.tensor_names import collect
from models.libra.tokenizers import ReportTokenizer
from models.libra.tower import VisionTower
from models.training.saved_parts import adapter_part, lora_targets
from models.training.tuning.learner import Learner
from models.training.tuning.origin import base_name, find_origin
from models.training.tuning.recipe import Lora, TuningRecipe, TuningStage
from models.weights_files import read_weights

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_PAD = "<|finetune_right_pad_id|>"
"""Llama-3's token for padding, which its tokenizer does not declare."""


@dataclass(frozen=True)
class Started:
    """A learner with what its data and its checkpoint need.

    Parameters
    ----------
    learner
        On its device, the frozen parts in the stage's precision.
    tokenizer
        Of the checkpoint; ``tokenizer.tokenizer`` is transformers', with a padding token.
    preprocessor
        From images to the tower's pixels, padded as the stage's data say.
    origin, base
        What it was loaded from, and what an adapter or a projector made from that stands on.
    recipe, stage
        What is trained how.
    """

    learner: Learner
    tokenizer: ReportTokenizer
    preprocessor: Preprocessor
    origin: Checkpoint
    base: str
    recipe: TuningRecipe
    stage: TuningStage

    @property
    def layout(self) -> Layout:
        """In which layout the stage is saved.

        All weights where it trains the language model's own; an adapter where it trains one, or
        its start has one that stays; else a projector over the model that was there.
        """
        if "language_model" in self.stage.trains:
            return "full"
        has_adapter = "lora" in self.stage.trains or self.origin.layout == "lora"
        return "lora" if has_adapter else "projector"


def load_learner(
    recipe: TuningRecipe, stage: TuningStage, source: Path | None, device: str | torch.device
) -> Started:
    """Return a stage's model, ready to be trained.

    Frozen weights are in the stage's precision; trained ones, and the projector, in float32, for
    autocast to round. With sharding all are in the precision: DeepSpeed keeps float32 copies of
    its own. Random parts (a new projector or adapter) are drawn from the recipe's seed.

    Parameters
    ----------
    recipe, stage
        What is trained how.
    source
        The folder that the stage before has saved; None to begin with the recipe's start.
    device
        Where to.

    Raises
    ------
    InputError
        If the parts do not fit together, or the stage asks of them what they cannot do.
    MissingError
        If weights, the tower or a package are not there; the message says how to get it.
    """
    check_attention(stage)
    origin = find_origin(recipe.start, source)
    dtype = DTYPES[stage.precision]
    masters = torch.float32 if stage.sharding == "none" else dtype
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        tower, projector, settings = _image_parts(origin, dtype)
        whole = "language_model" in stage.trains
        language_model = _language_model(
            origin, stage, recipe.lora, masters if whole else dtype, masters
        )
    learner = Learner(language_model, tower, projector.to(masters))
    projector.requires_grad_("projector" in stage.trains)
    _checkpoint_activations(language_model, stage)
    tokenizer = ReportTokenizer(origin.text_folder, language_config(origin.config))
    _set_padding(tokenizer.tokenizer)
    shape = origin.config.aspect_ratio or "square"
    return Started(
        learner.to(device),
        tokenizer,
        Preprocessor(settings, shape, recipe.data_of(stage).padding),
        origin,
        base_name(recipe.start, source, origin),
        recipe,
        stage,
    )


def check_attention(stage: TuningStage) -> None:
    """Raise an error if this machine, or the precision, lacks the stage's attention."""
    if stage.attention != "flash_attention_2":
        return
    if stage.precision == "fp32":
        raise InputError(
            f"Stage {stage.name}: flash_attention_2 computes in bf16 and fp16 only. Set precision "
            "to one of them, or attention to sdpa."
        )
    if find_spec("flash_attn") is None:
        raise MissingError(
            f"Stage {stage.name}: attention flash_attention_2 needs the package flash-attn: "
            "`pip install flash-attn --no-build-isolation`. sdpa needs nothing, and is as exact."
        )


def _image_parts(
    origin: Checkpoint, dtype: torch.dtype
) -> tuple[VisionTower, Projector, dict[str, Any]]:
    fetch_known_tower(origin)
    is_new = origin.layout == "projector" and not origin.extra
    if not is_new:
        check_files(origin)
    tensors = collect(origin, read_weights)
    tower, source = load_tower(origin, tensors, dtype)
    if not is_new:
        return tower, load_projector_of(origin, tensors, tower), dict(source.preprocessor)
    settings = language_config(origin.config)
    projector = build_projector(
        origin.config.projector_type,
        tower.width,
        settings.hidden_size,
        settings.num_attention_heads,
        tower.num_layers,
    )
    return tower, projector, dict(source.preprocessor)


def _language_model(
    origin: Checkpoint, stage: TuningStage, lora: Lora, dtype: torch.dtype, masters: torch.dtype
) -> Any:
    """Return the language model, maybe of peft, with what the stage trains of it free."""
    placement = Placement(torch.device("cpu"), dtype)
    if "language_model" in stage.trains:
        return _prepared(load_language_model(origin, placement), stage).requires_grad_(True)
    goes_on = origin.layout == "lora"
    unmerged = replace(origin, layout="full") if goes_on else origin
    model = _prepared(load_language_model(unmerged, placement), stage).requires_grad_(False)
    if goes_on:
        model = attach_adapter(model, origin.folder).requires_grad_(False)
        _go_on(model, lora, stage, origin)
    elif "lora" in stage.trains:
        model = _with_adapter(model, lora)
    if "lora" not in stage.trains:
        return model.requires_grad_(False)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(masters)
    return model


def _prepared(model: Any, stage: TuningStage) -> Any:
    model.set_attn_implementation(stage.attention)
    return model


def _with_adapter(model: Any, lora: Lora) -> Any:
    import peft

    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        bias=lora.bias,
        target_modules=lora_targets(linear),
        task_type="CAUSAL_LM",
    )
    # peft warns that it cannot find the base by its name, which is not how it was found here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return peft.get_peft_model(model, config)


def _go_on(model: Any, lora: Lora, stage: TuningStage, origin: Checkpoint) -> None:
    """Free the adapter of the start, if the stage trains one and it is what the recipe asks for."""
    if "lora" not in stage.trains:
        return
    config = model.peft_config["default"]
    found = (config.r, config.lora_alpha, config.bias, config.modules_to_save)
    wanted = (lora.rank, lora.alpha, lora.bias, None)
    if found != wanted:
        raise InputError(
            f"Stage {stage.name} goes on with the adapter in {origin.folder}, whose rank, alpha, "
            f"bias and modules_to_save are {found}, but the recipe's lora has {wanted}. Set them "
            f"alike, or merge it first: `cxr-harness merge --model {origin.folder}`."
        )
    for parameter in adapter_part(dict(model.named_parameters()), lora.bias).values():
        parameter.requires_grad_(True)


def _checkpoint_activations(language_model: Any, stage: TuningStage) -> None:
    if stage.gradient_checkpointing:
        # transformers 5.2x renamed it, and warns of the old name
        enable = getattr(language_model, "activation_checkpointing_enable", None)
        # the reentrant way gives no gradient where the input needs none, as with LoRA alone
        (enable or language_model.gradient_checkpointing_enable)({"use_reentrant": False})
        language_model.disable_input_require_grads()


def _set_padding(tokenizer: Any) -> None:
    """Choose a padding token as the original does, but Llama-3's own before its end of a turn."""
    if tokenizer.pad_token is None:
        known = tokenizer.get_vocab()
        tokenizer.pad_token = _PAD if _PAD in known else tokenizer.unk_token or tokenizer.eos_token
