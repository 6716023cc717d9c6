"""What a checkpoint's config.json says: the language model, the tower, the projector between."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from models.errors import InputError, MissingError
from models.libra import templates

LANGUAGE_MODELS: dict[str, str] = {
    "libra": "llama",
    "libra_mistral": "mistral",
    "libra_phi3": "phi3",
    "libra_gemma": "gemma",
    "libra_qwen2": "qwen2",
    "libra_qwen3": "qwen3",
    "llava_mistral": "mistral",
    "llava_llama": "llama",
    "llava": "llama",
}
"""``model_type`` of Libra's and LLaVA's checkpoints, and transformers' of the language model."""

LANGUAGE_CLASSES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "gemma": "GemmaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
"""``model_type`` of the language models that a projector can stand on, and their classes."""

PLAIN = tuple(LANGUAGE_CLASSES)
"""``model_type`` of these language models without a projector."""

ATTENTION_FIELDS = (
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_attn_implementation_internal",
    "attn_implementation",
)
"""How a model was run where it was saved; it says nothing of the model."""

_LLAVA = ("llava_mistral", "llava_llama", "llava")
_GENERATION_ONLY = (
    "bad_words_ids", "begin_suppress_tokens", "diversity_penalty", "do_sample", "early_stopping",
    "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "forced_bos_token_id",
    "forced_eos_token_id", "length_penalty", "max_length", "min_length", "no_repeat_ngram_size",
    "num_beam_groups", "num_beams", "num_return_sequences", "output_scores",
    "remove_invalid_values", "repetition_penalty", "return_dict_in_generate", "suppress_tokens",
    "temperature", "top_k", "top_p", "typical_p", "_name_or_path", *ATTENTION_FIELDS,
    "architectures", "auto_map", "model_type", "tokenizer_class", "transformers_version",
    "use_bfloat16", "quantization_config", "tf_legacy_loss", "torchscript",
)  # fmt: skip
"""Fields that older versions of transformers wrote, which say nothing of the language model."""
_PROJECT_ONLY = ("mm_", "tune_mm", "freeze_mm", "use_mm", "unfreeze_mm", "tokenizer_", "harness_")


@dataclass(frozen=True)
class LibraConfig:
    """The settings of a checkpoint, under the names of its config.json without ``mm_``.

    ``language_model`` holds the fields of ``model_type`` alone. ``tower_inside``: the checkpoint
    holds the tower's own, adapted weights. ``context_sections`` are those that its prompts show;
    None for all (a field of ours, ``harness_context_sections``). ``template`` is the conversation
    template that it was trained with, where that is on record (``harness_template``).
    """

    family: str
    model_type: str
    language_model: Mapping[str, Any]
    vision_tower: str | None
    projector_type: str
    vision_dim: int | None
    select_layer: int | Literal["all"]
    select_feature: str
    use_start_end: bool
    aspect_ratio: str | None
    tower_inside: bool
    context_sections: tuple[str, ...] | None = None
    template: str | None = None

    @property
    def is_llava(self) -> bool:
        """Whether the layout is LLaVA's, not Libra's."""
        return self.family in _LLAVA


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises
    ------
    InputError
        If it is no JSON object.
    MissingError
        If it is not there.
    """
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise MissingError(f"There is no {file}. Check that the folder is a checkpoint.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is no JSON that can be read. Download it again.") from error
    if not isinstance(content, dict):
        raise InputError(f"{file} holds no JSON object. Download it again.")
    return content


def read_config(folder: Path) -> LibraConfig:
    """Return what ``config.json`` of a checkpoint folder says.

    Raises
    ------
    InputError
        If it is of another family, or asks for a part that this project leaves out.
    MissingError
        If it is not there.
    """
    file = folder / "config.json"
    raw = read_json(file)
    family = str(raw.get("model_type"))
    if family not in LANGUAGE_MODELS and family not in PLAIN:
        raise InputError(
            f"{file}: model_type {family!r} is not of the Libra family "
            f"({', '.join(LANGUAGE_MODELS)}). Use the adapter vision_language for other models."
        )
    _refuse_out_of_scope(raw, file)
    _refuse_wrong_layers(raw, file)
    return LibraConfig(
        family=family,
        model_type=LANGUAGE_MODELS.get(family, family),
        language_model=_language_fields(raw),
        vision_tower=raw.get("mm_vision_tower"),
        projector_type=str(raw.get("mm_projector_type", "linear")),
        vision_dim=_size(raw, "mm_hidden_size", file),
        select_layer=_layer(raw.get("mm_vision_select_layer", -1), file),
        select_feature=_feature(raw.get("mm_vision_select_feature", "patch"), file),
        use_start_end=_flag(raw, "mm_use_im_start_end", file),
        aspect_ratio=raw.get("image_aspect_ratio"),
        tower_inside=_flag(raw, "unfreeze_mm_vision_tower", file),
        context_sections=_sections(raw.get("harness_context_sections"), file),
        template=_template(raw.get("harness_template"), file),
    )


def _refuse_out_of_scope(raw: Mapping[str, Any], file: Path) -> None:
    tower = raw.get("mm_vision_tower")
    if tower is not None and not (isinstance(tower, str) and tower):
        raise InputError(f"{file}: mm_vision_tower is no name of a vision tower.")
    if raw.get("use_maira_feature_norm"):
        raise InputError(f"{file}: MAIRA-2 (use_maira_feature_norm) is not supported here.")
    if raw.get("mm_vision_tower_config") or str(tower).startswith("hf-hub:"):
        raise InputError(
            f"{file}: OpenCLIP towers are not supported. Supported are RAD-DINO, CLIP and SigLIP."
        )


def _refuse_wrong_layers(raw: Mapping[str, Any], file: Path) -> None:
    projector = str(raw.get("mm_projector_type", "linear"))
    layer = raw.get("mm_vision_select_layer", -1)
    reads_all, reads_one = projector == "TAC", projector.startswith(("linear", "mlp"))
    if (reads_all and layer != "all") or (reads_one and layer == "all"):
        raise InputError(
            f"{file}: mm_vision_select_layer is {layer!r}, but the projector {projector} reads "
            f"{'all layers' if reads_all else 'one layer'}. Set it to "
            f"{'all' if reads_all else 'the number of one'}."
        )


def _language_fields(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in raw.items()
        if name not in _GENERATION_ONLY and not name.startswith(_PROJECT_ONLY)
    }


def _layer(value: Any, file: Path) -> int | Literal["all"]:
    if value == "all":
        return "all"
    # training's command line may have written a number as text
    if isinstance(value, str) and value.removeprefix("-").isdecimal():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{file}: mm_vision_select_layer is neither a whole number nor all.")
    return value


def _size(raw: Mapping[str, Any], name: str, file: Path) -> int | None:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{file}: {name} is no whole number above 0.")
    return value


def _feature(value: Any, file: Path) -> str:
    if value not in ("patch", "cls_patch"):
        raise InputError(f"{file}: mm_vision_select_feature is neither patch nor cls_patch.")
    return str(value)


def _flag(raw: Mapping[str, Any], name: str, file: Path) -> bool:
    value = raw.get(name)
    if not isinstance(value, bool | None):
        raise InputError(f"{file}: {name} is neither true nor false.")
    return bool(value)


def _template(value: Any, file: Path) -> str | None:
    if value is not None and value not in templates.names():
        raise InputError(
            f"{file}: harness_template names no conversation template. Known are "
            f"{', '.join(templates.names())}."
        )
    return None if value is None else str(value)


def _sections(value: Any, file: Path) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InputError(f"{file}: harness_context_sections is no list of names.")
    return tuple(value)
