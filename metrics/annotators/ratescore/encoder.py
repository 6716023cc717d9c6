"""BioLORD: a vector for each entity's text, alike for synonyms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from metrics.annotators.annotator import Annotator
from metrics.annotators.encoders import (
    build_encoder,
    length_batches,
    load_config,
    padded,
    require_packages,
)
from metrics.annotators.ratescore.folders import fill_from, read_tokenizer
from metrics.precision import FLOAT32, check_precision

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

Vector = NDArray[np.float32]

_MAX_TOKENS = 30


class EntityEncoder(Annotator[Vector]):
    """A loaded synonym encoder; a vector is the last hidden state of the start mark."""

    version: ClassVar[int] = 1

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, device: str) -> None:
        config: Any = model.config
        self._model = model
        self._tokenizer = tokenizer
        self._padding: int = config.pad_token_id
        self._device = device

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu", precision: str = FLOAT32) -> Self:
        """Load ``FremyCompany/BioLORD-2023-C`` or an encoder of the same layout from its folder.

        ``precision`` is as in `RaTEScoreAnnotator.load`.

        Raises
        ------
        InputError
            If files are damaged or do not fit each other; if there is no such precision.
        MissingError
            If a file or package is not there.
        """
        check_precision(precision, device)
        require_packages()
        from metrics.annotators.products import lower

        path = Path(folder)
        model: Any = build_encoder(load_config(path))
        model.pooler = None
        fill_from(model, path)
        lower(model, precision, device)
        return cls(model.to(device), read_tokenizer(path, _MAX_TOKENS), device)

    def annotate_distinct(self, texts: Sequence[str]) -> list[Vector]:
        """Return a vector per entity text, float32 (dim,), in order."""
        import torch

        ids = [one.ids for one in self._tokenizer.encode_batch(list(texts))]
        found: dict[int, Vector] = {}
        for batch in length_batches([len(sequence) for sequence in ids], self._device):
            inputs, mask = padded([ids[i] for i in batch], self._padding, self._device)
            with torch.inference_mode():
                states = self._model(input_ids=inputs, attention_mask=mask).last_hidden_state
            found.update(zip(batch, states[:, 0].float().cpu().numpy(), strict=True))
        return [found[i].copy() for i in range(len(texts))]

    @staticmethod
    def encode(annotation: Vector) -> bytes:
        """Return the vector as little-endian float32."""
        return annotation.astype("<f4").tobytes()

    @staticmethod
    def decode(data: bytes) -> Vector:
        """Return the vector of these bytes."""
        return np.frombuffer(data, "<f4").astype(np.float32)
