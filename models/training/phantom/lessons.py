"""What a small model is trained on: images, what they show, and the reports on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import InputError

CHANGES = ("none", "new", "worse", "better", "unchanged", "resolved")
"""How a finding can have changed, in the order of the codes in targets."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """Studies to learn from, with the truth about their images.

    Parameters
    ----------
    images
        Grey values, uint8 ``[images, size, size]``.
    levels
        How much of each finding an image shows, int8 ``[images, sites]``: 0 for none, up to 3.
    coverage, present
        The share of each patch that a finding covers, float16 ``[images, patches, sites]``, and
        whether the finding is to be seen in the patch, bool.
    current, prior
        For each study the places of its images; ``prior`` is -1 where there is none.
    reports
        A report on each study.
    statements
        For each study the findings in words, one string each.
    """

    images: NDArray[np.uint8]
    levels: NDArray[np.int8]
    coverage: NDArray[np.float16]
    present: NDArray[np.bool_]
    current: NDArray[np.int64]
    prior: NDArray[np.int64]
    reports: Sequence[str]
    statements: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        images, studies = len(self.images), len(self.reports)
        alike = {len(self.levels), len(self.coverage), len(self.present)} == {images}
        paired = {len(self.current), len(self.prior), len(self.statements)} == {studies}
        if not images or not studies or not alike or not paired:
            raise InputError(
                f"The lessons hold {images} images and {studies} reports, but targets or places "
                "of other numbers. Draw them again."
            )
        places = np.concatenate([self.current, np.maximum(self.prior, 0)])
        if places.min() < 0 or places.max() >= images or self.prior.min() < -1:
            raise InputError(
                f"The lessons name places outside their {images} images. current must be from 0 "
                f"to {images - 1}; prior as well, or -1 for none."
            )

    def __len__(self) -> int:
        """Return the number of studies."""
        return len(self.reports)

    @property
    def sites(self) -> int:
        """How many findings (on a side each) the targets tell of."""
        return int(self.levels.shape[1])

    def digest(self) -> str:
        """Return a SHA-256 over images, targets and reports, for telling lessons apart."""
        found = hashlib.sha256()
        for array in (self.images, self.levels, self.coverage, self.present):
            found.update(np.ascontiguousarray(array).data)
        places = (self.current.tolist(), self.prior.tolist())
        texts = (list(self.reports), [list(study) for study in self.statements])
        found.update(json.dumps([places, texts]).encode())
        return found.hexdigest()

    @property
    def has_prior(self) -> NDArray[np.bool_]:
        """Which studies have a prior image."""
        return self.prior >= 0

    @property
    def prior_or_current(self) -> NDArray[np.int64]:
        """For each study the place of what stands as its prior: without one, the current image."""
        return np.where(self.has_prior, self.prior, self.current)


def change_codes(current: Any, prior: Any) -> Any:
    """Return codes into `CHANGES` from levels now and before, arrays or tensors of one shape.

    >>> change_codes(np.array([0, 2, 3, 1, 2, 0]), np.array([0, 0, 2, 2, 2, 1])).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    here, there = current > 0, prior > 0
    both = here & there
    return (
        1 * (here & ~there)
        + 2 * (both & (current > prior))
        + 3 * (both & (current < prior))
        + 4 * (both & (current == prior))
        + 5 * (there & ~here)
    )
