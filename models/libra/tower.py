"""Vision towers: RAD-DINO (Dinov2), CLIP and SigLIP, read as Libra reads them.

The hidden states are those of transformers' own classes; which layers and tokens are taken is
Libra's rule (X-iZhang/Libra, model/multimodal_encoder, commit 0d6c56a).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from models.errors import InputError, MissingError
from models.hub import is_here, locate
from models.libra.checkpoint import Checkpoint
from models.libra.config import ATTENTION_FIELDS, read_json
from models.libra.key_table import KeyTable
from models.libra.known_towers import KNOWN_TOWERS
from models.libra.language_model import transformers_config
from models.libra.tower_names import OTHER_HALF, official_names

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CLASSES = {
    "dinov2": "Dinov2Model",
    "clip_vision_model": "CLIPVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
}
"""``model_type`` of the towers, and transformers' classes; CLIP and SigLIP without their text."""
_WHOLE = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}


class VisionTower(nn.Module):
    """A frozen encoder of images whose hidden states a projector reads.

    Parameters
    ----------
    encoder
        The tower, of one of transformers' classes in ``CLASSES``.
    select_layer
        ``all``: the outputs of all blocks. A number: that hidden state, 0 being the embeddings and
        -1 the last block. The final LayerNorm is never applied.
    select_feature
        ``patch`` drops the first token, the class token. A SigLIP tower has none, so that the
        published rule loses a patch there; ``cls_patch`` keeps all tokens.

    Raises
    ------
    InputError
        If the tower has no such layer.
    """

    def __init__(
        self, encoder: PreTrainedModel, select_layer: int | Literal["all"], select_feature: str
    ) -> None:
        super().__init__()
        blocks = int(encoder.config.num_hidden_layers)
        if select_layer != "all" and not -blocks - 1 <= select_layer <= blocks:
            raise InputError(
                f"The vision tower has no layer {select_layer}, only {blocks} blocks. Set "
                f"mm_vision_select_layer between -{blocks + 1} and {blocks}, or to all."
            )
        self.encoder = encoder
        self.select_layer = select_layer
        self.select_feature = select_feature
        self.requires_grad_(False)

    @property
    def width(self) -> int:
        """The size of a feature vector."""
        return int(self.encoder.config.hidden_size)

    @property
    def num_layers(self) -> int:
        """How many layers a projector is given."""
        return int(self.encoder.config.num_hidden_layers) if self.select_layer == "all" else 1

    @property
    def image_size(self) -> int:
        """Pixels of the square image, along one side."""
        return int(self.encoder.config.image_size)

    @property
    def num_patches(self) -> int:
        """How many feature vectors an image gives."""
        whole = (self.image_size // int(self.encoder.config.patch_size)) ** 2
        has_class_token = self.encoder.config.model_type != "siglip_vision_model"
        return whole + int(has_class_token) - int(self.select_feature == "patch")

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """Return features ``[images, layers, patches, width]`` of ``[images, 3, size, size]``."""
        parameter = next(self.encoder.parameters())
        pixels = pixels.to(parameter.device, parameter.dtype)
        states = self.encoder(pixels, output_hidden_states=True).hidden_states
        chosen = states[1:] if self.select_layer == "all" else [states[self.select_layer]]
        stacked = torch.stack(list(chosen), 1)
        return stacked[:, :, 1:] if self.select_feature == "patch" else stacked


def tower_folder(name: str, checkpoint: Checkpoint) -> Path | None:
    """Return the folder of a tower that config.json names; None for a known one that is not here.

    A relative path is looked up beside the checkpoint, in it, beside and in the base that it
    stands on, then in the working directory.

    Raises
    ------
    MissingError
        If the tower is neither here nor known.
    """
    folders = dict.fromkeys([checkpoint.folder, checkpoint.text_folder])
    for place in [*(place for one in folders for place in (one.parent, one)), Path()]:
        if (place / name).is_dir():
            return place / name
    if name in KNOWN_TOWERS and not is_here(name):
        return None
    try:
        return locate(name)
    except (MissingError, InputError) as error:
        raise MissingError(
            f"The vision tower {name!r} that {checkpoint.folder / 'config.json'} names is neither "
            "beside the checkpoint or its base nor in the working directory, and not on this "
            f"machine as a hub model. Put its folder there, or `hf download {name}`."
        ) from error


def tower_settings(name: str, folder: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a tower's config and its image processor's, as plain values."""
    if folder is None:
        return KNOWN_TOWERS[name].config, KNOWN_TOWERS[name].preprocessor
    return read_json(folder / "config.json"), read_json(folder / "preprocessor_config.json")


def build_tower(
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    where: object,
    dtype: torch.dtype,
) -> PreTrainedModel:
    """Return a tower of transformers' classes with these weights.

    Parameters
    ----------
    config
        The tower's config.json.
    tensors
        Its weights, under the names of any version of transformers.
    where
        What a message calls their source.
    dtype
        Of the tower.

    Raises
    ------
    InputError
        If the tower is of another kind, or the weights do not fit; a table says which.
    """
    tower = tower_config(config, where)
    model, info = tower_class(tower).from_pretrained(
        None,
        config=tower,
        state_dict=official_names(tensors, tower.model_type),
        dtype=dtype,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
    )
    _check(info, where)
    tower_model: PreTrainedModel = model
    return tower_model


def tower_class(config: Any) -> Any:
    """Return transformers' class of a tower, given its config object."""
    import transformers

    return getattr(transformers, CLASSES[config.model_type])


def tower_config(config: Mapping[str, Any], where: object) -> Any:
    """Return the config object of a tower; the vision part of a CLIP or SigLIP pair.

    Raises
    ------
    InputError
        If the tower is of another kind, or transformers refuses a field.
    """
    kind = str(config.get("model_type"))
    fields = dict(config.get("vision_config") or {}) if kind in _WHOLE else dict(config)
    kind = _WHOLE.get(kind, kind)
    if kind not in CLASSES:
        raise InputError(
            f"The vision tower in {where} has model_type {kind!r}. Supported are Dinov2 "
            "(RAD-DINO), CLIP and SigLIP."
        )
    for name in ("model_type", *ATTENTION_FIELDS):
        fields.pop(name, None)
    return transformers_config(kind, fields, where)


def _check(info: Mapping[str, Any], where: object) -> None:
    # the text half of a CLIP pair, and a buffer that old versions saved, are nothing features need
    unexpected = [
        name
        for name in sorted(info["unexpected_keys"])
        if not name.startswith(OTHER_HALF) and not name.endswith("position_ids")
    ]
    KeyTable(
        missing=sorted(info["missing_keys"]),
        unexpected=unexpected,
        wrong_shape={name: (tuple(a), tuple(b)) for name, a, b in sorted(info["mismatched_keys"])},
    ).refuse(where)
