"""A model of the Libra family: tower, projector and language model, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.errors import InputError
from models.libra.projectors import Projector, TemporalAlignmentConnector
from models.libra.prompts import IMAGE_TOKEN_INDEX
from models.libra.tower import VisionTower


class LibraModel(nn.Module):
    """The three parts of a model; ``language_model`` is one of transformers' own classes."""

    def __init__(
        self, language_model: Any, vision_tower: VisionTower, mm_projector: Projector
    ) -> None:
        super().__init__()
        self.language_model = language_model
        self.vision_tower = vision_tower
        self.mm_projector = mm_projector

    @property
    def reads_prior(self) -> bool:
        """Whether the prior image can change anything."""
        return isinstance(self.mm_projector, TemporalAlignmentConnector)

    @property
    def device(self) -> torch.device:
        """Where prompts are embedded."""
        device: torch.device = self.language_model.get_input_embeddings().weight.device
        return device

    def project(self, current: Tensor, prior: Tensor) -> Tensor:
        """Return image embeddings ``[batch, patches, hidden]``; as the function ``project``."""
        return project(self.language_model, self.mm_projector, current, prior)

    @torch.inference_mode()
    def embed_prompt(self, ids: Sequence[int], image: Tensor | None) -> Tensor:
        """Return a prompt's embeddings ``[length, hidden]`` with the image at its token.

        Raises
        ------
        InputError
            If there is more than one image token, or one without an image.
        """
        table = self.language_model.get_input_embeddings()
        spliced = splice(ids, image)
        texts = [
            table(torch.tensor(part, dtype=torch.long, device=table.weight.device))
            if isinstance(part, list)
            else part.to(table.weight.device, table.weight.dtype)
            for part in spliced
        ]
        return torch.cat(texts)


def project(language_model: Any, mm_projector: Projector, current: Tensor, prior: Tensor) -> Tensor:
    """Return image embeddings ``[batch, patches, hidden]`` from the tower's features.

    Some language models (Gemma) scale the embeddings of their tokens. The original let them
    scale the image's as well, so that is done here.
    """
    parameter = next(mm_projector.parameters())
    current, prior = (x.to(parameter.device, parameter.dtype) for x in (current, prior))
    projected: Tensor = mm_projector(current, prior)
    scale = getattr(language_model.get_input_embeddings(), "scalar_embed_scale", 1.0)
    return projected if scale == 1.0 else projected * scale


def splice(ids: Sequence[int], image: Tensor | None) -> list[list[int] | Tensor]:
    """Return a prompt's pieces in order: ids of text, and the image's embeddings at its token.

    Libra splices padded batches, where pad positions end up inside the image, and lets a row
    without image token use up another row's features (``libra_arch.py``). Here every prompt is
    spliced alone and unpadded, and the engine pads whole prompts.
    """
    places = [position for position, one in enumerate(ids) if one == IMAGE_TOKEN_INDEX]
    if not places:
        return [list(ids)]
    if len(places) > 1:
        raise InputError(
            f"The prompt has {len(places)} image tokens. These models take one, which stands for "
            "the current and the prior image together."
        )
    if image is None:
        raise InputError("The prompt has an image token, but there is no image.")
    before, after = list(ids[: places[0]]), list(ids[places[0] + 1 :])
    return [before, image, after]
