"""Records put together into a batch: padded ids, labels and mask, and pairs of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.errors import InputError
from models.libra.prompts import IMAGE_TOKEN_INDEX
from models.training.masking import IGNORE_INDEX

PaddingSide = Literal["right", "left"]


@dataclass(frozen=True)
class EncodedRecord:
    """A record as the model takes it.

    ``images`` are pixels ``[3, S, S]`` of the current and the prior image; a single one stands
    for both, and a record of text alone has none.
    """

    input_ids: Sequence[int]
    labels: Sequence[int]
    images: Sequence[Tensor] = ()


def collate(
    records: Sequence[EncodedRecord],
    pad_token_id: int,
    model_max_length: int = 2048,
    padding_side: PaddingSide = "right",
) -> dict[str, Tensor]:
    """Return a batch: ``input_ids``, ``labels``, ``attention_mask`` and maybe ``images``.

    Equal to the original's collator (X-iZhang/Libra @0d6c56a) where that is right. Its mask hides
    every token that equals the padding's, such as Llama-3's end of a turn; this one goes by
    length. It takes no records of text alone; here these have images of zeros in a mixed batch,
    which no ``<image>`` token asks for.

    Parameters
    ----------
    records
        At least one.
    pad_token_id
        Id of padding; labels there are -100.
    model_max_length
        Tokens that records are cut to.
    padding_side
        ``left`` for a batch that is to be continued by generation.

    Returns
    -------
    dict
        ``input_ids`` and ``labels`` int64 ``[B, L]``, ``attention_mask`` bool ``[B, L]``,
        ``images`` ``[2, B, 3, S, S]`` (current, prior) if any record has some.

    Raises
    ------
    InputError
        If there is no record, ids and labels differ in number, a record has more than two images
        or none for its image token, or images differ in size.
    """
    if not records:
        raise InputError("A batch needs at least one record.")
    for record in records:
        _check(record)

    def padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
        tensors = [torch.tensor(row[:model_max_length], dtype=torch.long) for row in rows]
        return pad_sequence(tensors, True, float(value), padding_side)

    lengths = [min(len(record.input_ids), model_max_length) for record in records]
    batch = {
        "input_ids": padded([record.input_ids for record in records], pad_token_id),
        "labels": padded([record.labels for record in records], IGNORE_INDEX),
        "attention_mask": padded([[1] * length for length in lengths], 0).bool(),
    }
    pairs = [(record.images[0], record.images[-1]) if record.images else None for record in records]
    shown = [image for pair in pairs if pair is not None for image in pair]
    if shown:
        if len({image.shape for image in shown}) > 1:
            raise InputError("Images of one batch differ in size. Preprocess them to one size.")
        nothing = torch.zeros_like(shown[0])
        rows = [torch.stack(pair or (nothing, nothing)) for pair in pairs]
        batch["images"] = torch.stack(rows, dim=1)
    return batch


def _check(record: EncodedRecord) -> None:
    if len(record.input_ids) != len(record.labels):
        raise InputError(
            f"A record has {len(record.input_ids)} ids but {len(record.labels)} labels."
        )
    if len(record.images) > 2:
        raise InputError(
            f"A record has {len(record.images)} images. Libra takes the current and the prior one."
        )
    if IMAGE_TOKEN_INDEX in record.input_ids and not record.images:
        raise InputError("A record has an image token but no image. Give its images.")
