"""Draws a phantom: organs and findings to one grey image, and each finding's own mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.phantoms import lesions, organs
from benchmarks.phantoms.anatomy import Anatomy, Exposure
from benchmarks.phantoms.devices import device
from benchmarks.phantoms.findings import KINDS, SIDES, Observation
from benchmarks.phantoms.randomness import Draws
from benchmarks.phantoms.scene import Scene, build_scene
from benchmarks.phantoms.shapes import Field

Image = NDArray[np.uint8]

_FLUID = 0.70
_AIR = 0.42  # how much darker a lung is than the chest wall
_DENSITY = {"opacity": 0.40, "atelectasis": 0.30, "nodule": 0.34, "edema": 0.27}


def draw_image(
    anatomy: Anatomy,
    exposure: Exposure,
    observations: Sequence[Observation],
    noise: Draws,
    size: int,
) -> Image:
    """Return the radiograph as an array of grey values, shape (size, size), bone bright."""
    scene = scene_of(anatomy, exposure, observations, size)
    masks = lesion_masks(scene, observations)
    gray = _with_findings(scene, _lungs_and_organs(scene, observations, masks), observations, masks)
    gray = 0.5 + (gray - 0.5) * exposure.contrast + exposure.brightness
    gray = gray + exposure.gradient * scene.y + exposure.grain * noise.noise((size, size))
    return np.floor(np.clip(gray, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def scene_of(
    anatomy: Anatomy, exposure: Exposure, observations: Sequence[Observation], size: int
) -> Scene:
    """Return the geometry that the findings leave: heart size and diaphragms."""
    levels = {(seen.finding, seen.side): seen.level for seen in observations}
    raised = {
        side: lesions.ATELECTASIS_RAISES[levels.get(("atelectasis", side), 0)] for side in SIDES
    }
    heart = max((level for (name, _), level in levels.items() if name == "cardiomegaly"), default=0)
    return build_scene(anatomy, exposure, heart, raised, size)


def lesion_masks(scene: Scene, observations: Sequence[Observation]) -> dict[tuple[str, str], Field]:
    """Return for each finding that is present how much of each pixel it covers, in [0, 1]."""
    masks: dict[tuple[str, str], Field] = {}
    for seen in observations:
        site = (seen.finding, seen.side)
        if not seen.level:
            continue
        if seen.finding in lesions.SIDED:
            masks[site] = lesions.SIDED[seen.finding](scene, scene.lungs[seen.side], seen)
        elif seen.finding == "edema":
            both = [lesions.edema(scene, scene.lungs[side], seen) for side in SIDES]
            masks[site] = np.maximum(both[0], both[1])
        elif seen.finding == "cardiomegaly":
            masks[site] = scene.heart
        else:
            masks[site] = device(scene, seen)
    return masks


def _lungs_and_organs(
    scene: Scene, observations: Sequence[Observation], masks: dict[tuple[str, str], Field]
) -> Field:
    congestion = max((seen.level for seen in observations if seen.finding == "edema"), default=0)
    trunk, abdomen = organs.body(scene), organs.abdomen(scene)
    lungs = scene.lungs["right"].field + scene.lungs["left"].field
    center = np.maximum(scene.heart, scene.mediastinum)
    air = lungs * (1.0 - center)
    aerated = air * (1.0 - sum(m for (name, _), m in masks.items() if name == "pneumothorax"))
    gray = 0.03 + 0.53 * trunk + 0.11 * abdomen * trunk - _AIR * air
    gray = gray + 0.10 * center * trunk + 0.07 * organs.spine(scene) * trunk
    gray = gray + 0.13 * organs.vessels(scene, congestion) * aerated
    gray = gray + scene.anatomy.breast * organs.breasts(scene) * air
    gray = gray + 0.075 * organs.ribs(scene) + 0.12 * organs.clavicles(scene) * trunk
    gray = gray + 0.06 * organs.scapulae(scene)
    gray = gray - 0.13 * organs.airways(scene) * trunk
    return gray - 0.22 * organs.stomach_bubble(scene) * abdomen


def _with_findings(
    scene: Scene,
    gray: Field,
    observations: Sequence[Observation],
    masks: dict[tuple[str, str], Field],
) -> Field:
    clear = 1.0 - np.maximum(scene.heart, scene.mediastinum)
    shown = [seen for seen in observations if seen.level and seen.finding != "cardiomegaly"]
    for seen in sorted(shown, key=_depth):
        mask = masks[seen.finding, seen.side]
        if seen.finding == "pneumothorax":
            gray = gray + _collapse(scene, seen, mask) * clear
        elif seen.finding == "effusion":
            gray = gray + (_FLUID - gray) * mask * 0.93
        elif KINDS[seen.finding].device:
            gray = gray + (0.97 - gray) * mask * 0.85
        else:
            through_heart = clear + 0.5 * (1.0 - clear)
            gray = gray + _DENSITY[seen.finding] * mask * through_heart
    return gray


def _depth(seen: Observation) -> int:
    """Return what lies over what: fluid hides the lung, and nothing hides a device."""
    return 2 if KINDS[seen.finding].device else int(seen.finding == "effusion")


def _collapse(scene: Scene, seen: Observation, rim: Field) -> Field:
    lung = scene.lungs[seen.side]
    line = lesions.pleural_line(scene, lung, seen)
    return 0.24 * line - 0.11 * rim + 0.03 * seen.level * (lung.field - rim)
