"""The images of a study: the radiograph and the masks of its findings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.phantoms.drawing import draw_image, lesion_masks, scene_of
from benchmarks.phantoms.errors import InputError
from benchmarks.phantoms.patients import Study
from benchmarks.phantoms.randomness import Draws

_SIZES = (32, 2048)  # pixels


def draw(study: Study, size: int = 96) -> NDArray[np.uint8]:
    """Return the study's radiograph as grey values, shape (size, size)."""
    check_size(size)
    noise = Draws(*study.noise_key)
    return draw_image(study.anatomy, study.exposure, study.observations, noise, size)


def draw_lesions(study: Study, size: int = 96) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Return for each (finding, side) how much of each pixel it covers, in [0, 1].

    A dense target for training: it says where on the image a finding is, not only that it is.
    """
    check_size(size)
    scene = scene_of(study.anatomy, study.exposure, study.observations, size)
    return lesion_masks(scene, study.observations)


def check_size(size: int) -> None:
    """Refuse image sizes in which nothing can be seen, or that no one can want."""
    low, high = _SIZES
    if not low <= size <= high:
        raise InputError(f"size must be from {low} to {high} pixels, got {size}.")
