"""Auxiliary targets: heads that read findings and changes from features, and their losses.

Findings are rare in most patches, so that a plain loss is least at "nothing anywhere". Positive
places therefore weigh as the square root of the odds against them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.phantom.lessons import CHANGES, Lessons, change_codes

LEVELS = 4
_POOLED_WEIGHT = 0.3  # of the target for the whole image, beside those for its patches
_PRIOR_WEIGHT = 0.5  # of telling a study with a prior from one without
_MOVED_WEIGHT = 1.5  # of worse and better, the hardest changes to see


class FindingTargets:
    """What the images of some lessons show, as tensors, with the weights that balance it."""

    def __init__(self, lessons: Lessons) -> None:
        self.levels = torch.from_numpy(lessons.levels).long()
        self.present = torch.from_numpy(lessons.present)
        coverage = torch.from_numpy(lessons.coverage).float()
        scale = 3 * coverage.square().mean((0, 1)).sqrt()
        self.coverage = coverage / torch.where(scale == 0, 1, scale)
        self.patch_weight = _balance(self.present.float().mean((0, 1)))
        self.level_weight = _balance((self.levels > 0).float().mean(0))


class LesionHead(nn.Module):
    """Reads from patch features ``[batch, patches, width]`` what ``views`` images show.

    ``views`` is 2 where the features tell of a prior image as well.
    """

    def __init__(self, width: int, sites: int, views: int = 1) -> None:
        super().__init__()
        self.views, self.sites = views, sites
        self.norm = nn.LayerNorm(width)
        self.coverage = nn.Linear(width, views * sites)
        self.levels = nn.Linear(width, views * sites * LEVELS)
        self.pooled = nn.Linear(2 * width, views * sites * LEVELS)

    def loss(self, features: Tensor, images: Tensor, targets: FindingTargets) -> Tensor:
        """Return the loss against ``images``, places in the targets ``[batch, views]``."""
        normed = self.norm(features)
        patches = features.shape[1]
        level = targets.levels[images]
        present = targets.present[images].transpose(1, 2)
        by_patch = level[:, None] * present
        shape = (-1, patches, self.views, self.sites)
        found = self.coverage(normed).view(shape)
        coverage = functional.mse_loss(found, targets.coverage[images].transpose(1, 2))
        dense = balanced_loss(
            self.levels(normed).view(*shape, LEVELS), by_patch, targets.patch_weight
        )
        whole = balanced_loss(
            self.pooled(pool(normed)).view(-1, self.views, self.sites, LEVELS),
            level,
            targets.level_weight,
        )
        return dense + coverage + _POOLED_WEIGHT * whole


class ChangeHead(nn.Module):
    """Reads from a connector's output what both images show, and how it changed."""

    def __init__(self, width: int, sites: int) -> None:
        super().__init__()
        self.sites = sites
        self.lesions = LesionHead(width, sites, views=2)
        self.norm = nn.LayerNorm(width)
        self.changes = nn.Linear(width, sites * len(CHANGES))
        self.pooled = nn.Linear(2 * width, sites * len(CHANGES))
        self.has_prior = nn.Linear(2 * width, 1)

    def loss(
        self, features: Tensor, images: Tensor, has_prior: Tensor, targets: FindingTargets
    ) -> Tensor:
        """Return the loss against ``images``: places of current and prior, ``[batch, 2]``."""
        normed = self.norm(features)
        pooled = pool(normed)
        now, before = targets.levels[images].unbind(1)
        change = change_codes(now, before)
        anywhere = targets.present[images].any(1)
        moved = torch.where((change == 2) | (change == 3), _MOVED_WEIGHT, 1.0)
        shape = (-1, self.sites, len(CHANGES))
        dense = balanced_loss(
            self.changes(normed).view(-1, features.shape[1], *shape[1:]),
            change[:, None] * anywhere,
            targets.patch_weight * moved[:, None],
        )
        whole = balanced_loss(self.pooled(pooled).view(shape), change, targets.level_weight * moved)
        known = functional.binary_cross_entropy_with_logits(
            self.has_prior(pooled)[:, 0], has_prior.float()
        )
        return (
            self.lesions.loss(features, images, targets)
            + dense
            + _POOLED_WEIGHT * whole
            + _PRIOR_WEIGHT * known
        )

    def predicted_changes(self, features: Tensor) -> Tensor:
        """Return the likeliest change of each finding, codes ``[batch, sites]``."""
        logits = self.pooled(pool(self.norm(features)))
        likeliest: Tensor = logits.view(-1, self.sites, len(CHANGES)).argmax(-1)
        return likeliest


def balanced_loss(logits: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Return the cross entropy, where what is not 0 has ``weight`` and what is 0 has 1.

    Shapes: logits ``[..., classes]``, wanted ``[...]``, weight broadcast to it.
    """
    loss = functional.cross_entropy(logits.flatten(0, -2), wanted.flatten(), reduction="none")
    weights = torch.where(wanted > 0, weight, 1.0)
    return (loss.view_as(weights) * weights).sum() / weights.sum()


def pool(features: Tensor) -> Tensor:
    """Return mean and maximum over the patches, ``[batch, 2 * width]``."""
    return torch.cat([features.mean(1), features.amax(1)], -1)


def _balance(share: Tensor) -> Tensor:
    return ((1 - share) / share.clamp(min=1e-4)).sqrt()
