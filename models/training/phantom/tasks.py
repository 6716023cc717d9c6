"""What each kind of stage computes its loss from; a task is what the trainer sees as a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.libra.projectors import TemporalAlignmentConnector
from models.training.phantom.lessons import Lessons
from models.training.phantom.targets import ChangeHead, FindingTargets, LesionHead
from models.training.phantom.vocabulary import IGNORED, TokenizedReports

Losses = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Material:
    """The lessons as tensors.

    ``pixels`` are ``[images, 3, S, S]``, float16 to save memory. ``slots`` are the ids of each
    study's findings in words, ``[studies, findings, words]``, padded with -1.
    """

    lessons: Lessons
    targets: FindingTargets
    reports: TokenizedReports
    pixels: Tensor
    slots: Tensor

    def pairs(self, studies: Tensor) -> Tensor:
        """Return places of current and prior images, ``[batch, 2]``."""
        current = torch.from_numpy(self.lessons.current)[studies]
        prior = torch.from_numpy(self.lessons.prior_or_current)[studies]
        return torch.stack([current, prior], 1)

    def has_prior(self, studies: Tensor) -> Tensor:
        """Return which studies have a prior, ``[batch]``."""
        return torch.from_numpy(self.lessons.has_prior)[studies]


class LesionTask(nn.Module):
    """Where the findings of single images are."""

    def __init__(self, tower: Any, head: LesionHead, material: Material) -> None:
        super().__init__()
        self.tower, self.head = tower, head
        self._material = material

    def forward(self, items: Tensor) -> Losses:
        """Return the loss over images at these places."""
        pixels = self._material.pixels[items].float()
        features = self.tower(pixels, output_hidden_states=True).hidden_states[-1][:, 1:]
        loss = self.head.loss(features, items[:, None], self._material.targets)
        return {"loss": loss, "lesions": loss}


class PairTask(nn.Module):
    """What pairs of images show and how it changed, from the projector's output.

    ``features`` are what the finished tower makes of all images, ``[images, layers, patches,
    width]``, float16 to save memory.
    """

    def __init__(
        self,
        projector: nn.Module,
        head: LesionHead | ChangeHead,
        features: Tensor,
        material: Material,
    ) -> None:
        super().__init__()
        self.projector, self.head = projector, head
        self._features, self._material = features, material

    def forward(self, items: Tensor) -> Losses:
        """Return the loss over studies at these places."""
        _, loss = self.project(items)
        return {"loss": loss, "auxiliary": loss}

    def project(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Return image embeddings ``[batch, patches, hidden]`` and the loss of the head."""
        material = self._material
        images = material.pairs(items)
        pair = self._features[images].float()
        embeddings = self.projector(pair[:, 0], pair[:, 1])
        if isinstance(self.head, ChangeHead):
            loss = self.head.loss(embeddings, images, material.has_prior(items), material.targets)
        else:
            loss = self.head.loss(embeddings, images[:, :1], material.targets)
        return embeddings, loss


class Writer(nn.Module):
    """Writes reports after a prompt whose image is given as embeddings."""

    def __init__(
        self, language_model: Any, reports: TokenizedReports, temporal_weight: float
    ) -> None:
        super().__init__()
        self.language_model = language_model
        self._reports = reports
        self._temporal_weight = temporal_weight

    def loss(self, items: Tensor, image: Tensor) -> Tensor:
        """Return the weighted cross entropy of the tokens of the reports at these places."""
        reports = self._reports
        longest = int(reports.lengths[items].max())
        ids, labels = reports.ids[items, :longest], reports.labels[items, :longest]
        embed = self.language_model.get_input_embeddings()
        before, after = (
            embed(torch.tensor(part)).expand(len(items), -1, -1)
            for part in (reports.before, reports.after)
        )
        prompt = torch.cat([before, image, after], 1)
        whole = torch.cat([prompt, embed(ids[:, :-1])], 1)
        logits = self.language_model(inputs_embeds=whole, logits_to_keep=longest).logits
        loss = functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), reduction="none", ignore_index=IGNORED
        )
        weight = torch.where(reports.temporal[items, :longest], self._temporal_weight, 1.0)
        weight = (weight * (labels != IGNORED)).flatten()
        return (loss * weight).sum() / weight.sum()


class ReportTask(nn.Module):
    """Reports on pairs of images; the auxiliary target may go on beside them."""

    def __init__(self, pairs: PairTask, writer: Writer, auxiliary_weight: float) -> None:
        super().__init__()
        self.pairs, self.writer = pairs, writer
        self._auxiliary_weight = auxiliary_weight

    def forward(self, items: Tensor) -> Losses:
        """Return the loss over studies at these places."""
        embeddings, auxiliary = self.pairs.project(items)
        words = self.writer.loss(items, embeddings)
        total = words + self._auxiliary_weight * auxiliary
        return {"loss": total, "words": words, "auxiliary": auxiliary}


class WordingTask(nn.Module):
    """Reports from findings in words, without images: what a language model knows beforehand.

    In place of the image stand ``patches`` vectors. Each finding's words, summed, take one of
    them, drawn anew each time; the others are 0.
    """

    def __init__(self, writer: Writer, material: Material, patches: int) -> None:
        super().__init__()
        self.writer = writer
        self._material = material
        self._patches = patches

    def forward(self, items: Tensor) -> Losses:
        """Return the loss over studies at these places."""
        slots = self._material.slots[items]
        batch, findings, _ = slots.shape
        embed = self.writer.language_model.get_input_embeddings()
        known = (slots >= 0)[..., None]
        told = (embed(slots.clamp(min=0)) * known).sum(2)
        places = torch.rand(batch, self._patches).argsort(1)[:, :findings]
        image = torch.zeros(batch, self._patches, told.shape[-1])
        image = image.scatter_add(1, places[..., None].expand_as(told), told)
        loss = self.writer.loss(items, image)
        return {"loss": loss, "words": loss}


def projector_head(projector: nn.Module, width: int, sites: int) -> LesionHead | ChangeHead:
    """Return the head for a projector's output; only TAC's can tell of changes."""
    if isinstance(projector, TemporalAlignmentConnector):
        return ChangeHead(width, sites)
    return LesionHead(width, sites)
