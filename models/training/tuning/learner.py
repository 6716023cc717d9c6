"""A model while it is tuned: images spliced into text, and the loss of what is learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from models.errors import InputError
from models.libra.model import LibraModel, project
from models.libra.projectors import Projector, TemporalAlignmentConnector
from models.libra.prompts import IMAGE_TOKEN_INDEX
from models.libra.tower import VisionTower
from models.training.masking import IGNORE_INDEX


@dataclass(frozen=True)
class _Row:
    """Where a record's tokens begin and end in its padded row, and where its image token is."""

    start: int
    end: int
    image: int | None


class Learner(nn.Module):
    """Language model (maybe with adapters), projector and frozen tower, as a batch teaches them.

    The tower is no registered part: what wraps a learner (data parallelism, ZeRO) shall neither
    gather nor save it, nor ``train`` switch it out of evaluation. It moves with the learner.
    A frozen projector keeps its dropout in training, as the original's.
    """

    def __init__(
        self, language_model: Any, vision_tower: VisionTower, mm_projector: Projector
    ) -> None:
        super().__init__()
        self.language_model = language_model
        self.mm_projector = mm_projector
        self._tower = [vision_tower.eval()]

    @property
    def vision_tower(self) -> VisionTower:
        """The encoder of images."""
        return self._tower[0]

    @property
    def reads_prior(self) -> bool:
        """Whether the prior image can change anything."""
        return isinstance(self.mm_projector, TemporalAlignmentConnector)

    def as_model(self) -> LibraModel:
        """Return the same parts as generation takes them."""
        return LibraModel(self.language_model, self.vision_tower, self.mm_projector)

    def forward(
        self,
        input_ids: Tensor,
        labels: Tensor,
        attention_mask: Tensor,
        images: Tensor | None = None,
        features: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> dict[str, Tensor]:
        """Return the ``loss`` of a batch, and how many ``tokens`` it is over.

        Parameters
        ----------
        input_ids, labels, attention_mask
            ``[B, L]`` as `collate` makes them. An image's embeddings take the place of its token.
        images
            ``[2, B, 3, S, S]``, current and prior; rows without image token are not looked at.
        features
            ``[2, B, layers, patches, width]``: what the tower makes of the images, instead of them.
        num_items_in_batch
            What the sum over tokens is divided by, so that accumulated batches give the mean over
            all their tokens; the batch's own number if None.

        Raises
        ------
        InputError
            If a row has several image tokens, or one without images or features.
        """
        rows = list(_rows(input_ids, attention_mask))
        shown = [number for number, row in enumerate(rows) if row.image is not None]
        pictures = self.pictures(shown, images, features)
        embeddings, targets = self._spliced(rows, input_ids, labels, pictures)
        total, tokens = self._summed_loss(embeddings, targets)
        items = tokens.clamp(min=1) if num_items_in_batch is None else num_items_in_batch
        loss = total / items
        if not shown:  # keeps the projector in the graph, which other processes wait for
            loss = loss + 0.0 * pictures.mean(dtype=torch.float32)
        return {"loss": loss, "tokens": tokens}

    def pictures(
        self, shown: Sequence[int], images: Tensor | None, features: Tensor | None
    ) -> Tensor:
        """Return the image embeddings ``[shown, patches, hidden]`` of some rows of a batch.

        Of no rows they are those of one patch that is none, which keeps the projector in the graph.
        """
        if not shown:
            tower = self.vision_tower
            something = torch.ones(1, tower.num_layers, 1, tower.width)
            return project(self.language_model, self.mm_projector, something, something)
        if features is not None:
            current, prior = _chosen(features, shown)
        elif images is not None:
            current, prior = self._encoded(_chosen(images, shown))
        else:
            raise InputError("The batch has an image token, but neither images nor features.")
        return project(self.language_model, self.mm_projector, current, prior)

    def _encoded(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tower's features of current and prior images, each different one once."""
        current, prior = images
        if not self.reads_prior:
            features = self.vision_tower(current)
            return features, features
        differs = (current != prior).flatten(1).any(1)
        features = self.vision_tower(torch.cat([current, prior[differs]]))
        before = features[: len(current)].clone()
        before[differs] = features[len(current) :]
        return features[: len(current)], before

    def _spliced(
        self, rows: Sequence[_Row], input_ids: Tensor, labels: Tensor, pictures: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return embeddings ``[B, T, hidden]`` and labels ``[B, T]``, padded on the right."""
        text = self.language_model.get_input_embeddings()(input_ids.clamp(min=0))
        nothing = labels.new_full(pictures.shape[1:2], IGNORE_INDEX)
        remaining = iter(pictures.to(text.dtype))
        embeddings, targets = [], []
        for row, embedded, its_labels in zip(rows, text, labels, strict=True):
            if row.image is None:
                embeddings.append(embedded[row.start : row.end])
                targets.append(its_labels[row.start : row.end])
                continue
            before, after = slice(row.start, row.image), slice(row.image + 1, row.end)
            embeddings.append(torch.cat([embedded[before], next(remaining), embedded[after]]))
            targets.append(torch.cat([its_labels[before], nothing, its_labels[after]]))
        return pad_sequence(embeddings, True), pad_sequence(targets, True, IGNORE_INDEX)

    def _summed_loss(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed cross entropy of the next tokens, and their number.

        Padding stands on the right, where causal attention does not look, so no mask is needed;
        without one SDPA takes its fastest kernel. Logits exist at learnt positions only.
        """
        decoder = self.language_model.get_decoder()
        hidden = decoder(inputs_embeds=embeddings, use_cache=False).last_hidden_state
        is_learnt = labels[:, 1:] != IGNORE_INDEX
        head: Callable[[Tensor], Tensor] = self.language_model.get_output_embeddings()
        logits = head(hidden[:, :-1][is_learnt])
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        total = functional.cross_entropy(logits, labels[:, 1:][is_learnt], reduction="sum")
        return total, is_learnt.sum()

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Learner:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.vision_tower._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def _chosen(pairs: Tensor, rows: Sequence[int]) -> Tensor:
    """Return some rows of ``[2, B, …]``; all of them are not copied."""
    return pairs if len(rows) == pairs.shape[1] else pairs[:, list(rows)]


def _rows(input_ids: Tensor, attention_mask: Tensor) -> Iterator[_Row]:
    is_token, is_image = attention_mask.bool(), input_ids == IMAGE_TOKEN_INDEX
    is_image = is_image & is_token
    # one transfer from the device for all rows
    facts = torch.stack(
        [
            is_token.int().argmax(1),
            is_token.sum(1),
            is_image.int().argmax(1),
            is_image.sum(1),
        ]
    )
    for start, length, place, images in facts.T.tolist():
        if images > 1:
            raise InputError(
                f"A row has {images} image tokens. These models take one, which stands for the "
                "current and the prior image together."
            )
        yield _Row(start, start + length, place if images else None)
