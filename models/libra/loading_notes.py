"""What was decided for the user while a checkpoint was loaded, to be put on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from models.libra.checkpoint import NON_LORA_FILE, Checkpoint
from models.libra.language_model import language_config
from models.libra.manifest import HEAD
from models.libra.tensor_names import EMBEDDINGS, PROJECTOR_PREFIX, TOWER_PREFIX
from models.weights_files import tensor_shapes


def loading_notes(
    checkpoint: Checkpoint, tensors: Mapping[str, Tensor], tower_width: int, *, tower_is_read: bool
) -> list[str]:
    """Return a line for everything in a checkpoint that was not taken as it stands there.

    Parameters
    ----------
    checkpoint, tensors
        The checkpoint, and the tensors of its files.
    tower_width
        Numbers per feature of the tower that was built.
    tower_is_read
        Whether the tower's weights are those inside the checkpoint.
    """
    return [
        *checkpoint.notes,
        *_projector_notes(checkpoint),
        *_tower_notes(checkpoint, tensors, tower_width, tower_is_read),
        *_head_notes(checkpoint, tensors),
        *_shape_notes(checkpoint),
    ]


def _projector_notes(checkpoint: Checkpoint) -> Iterator[str]:
    if checkpoint.layout != "lora":
        return
    if not checkpoint.extra:
        yield f"there is no {NON_LORA_FILE}, so the projector is the base's"
    elif not any(
        PROJECTOR_PREFIX.removeprefix("model.") in name
        for file in checkpoint.extra
        for name in tensor_shapes(file)
    ):
        yield f"there is no projector in {NON_LORA_FILE}, so the projector is the base's"


def _tower_notes(
    checkpoint: Checkpoint, tensors: Mapping[str, Tensor], width: int, is_read: bool
) -> Iterator[str]:
    config = checkpoint.config
    is_there = any(name.startswith(TOWER_PREFIX) for name in tensors)
    if is_there and not is_read:
        yield (
            "the vision tower inside the checkpoint is left out, as published: config.json does "
            "not set unfreeze_mm_vision_tower"
        )
    if config.tower_inside and not is_there:
        yield (
            "config.json sets unfreeze_mm_vision_tower, but the checkpoint holds no vision tower: "
            f"{config.vision_tower} is read as it was before training"
        )
    if config.vision_dim not in (None, width):
        yield (
            f"mm_hidden_size {config.vision_dim} of config.json is not the vision tower's width "
            f"{width}, which is what the projector is built for"
        )


def _head_notes(checkpoint: Checkpoint, tensors: Mapping[str, Tensor]) -> Iterator[str]:
    head = tensors.get(HEAD)
    if head is None or not language_config(checkpoint.config).tie_word_embeddings:
        return
    if not head.equal(tensors[EMBEDDINGS]):
        yield f"{HEAD} is left out: config.json ties it to the embeddings, which differ from it"


def _shape_notes(checkpoint: Checkpoint) -> Iterator[str]:
    shape = checkpoint.config.aspect_ratio
    if shape not in (None, "pad", "square"):
        yield (
            f"image_aspect_ratio {shape!r} of config.json is neither pad nor square: images are "
            "read as for square, which is what the original does"
        )
