"""The geometry of one radiograph: its grid, lungs, heart and mediastinum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.phantoms.anatomy import Anatomy, Exposure
from benchmarks.phantoms.findings import SIDES
from benchmarks.phantoms.shapes import Field, bump, edge, ellipse

HEART_GROWTH = (1.0, 1.24, 1.42, 1.62)  # width by level of cardiomegaly
INNER = 0.06  # from the midline to the medial end of the lungs, behind the mediastinum
LEAN = 0.30  # from the midline to the top of the lungs
MIDDLE = -0.02  # y where the lungs stop narrowing downwards


@dataclass(frozen=True, eq=False)
class Lung:
    """One hemithorax: ``u`` grows from the midline sideways, whichever side it is.

    ``field`` is the lung above the diaphragm, ``column`` the chest wall's outline without it.
    """

    u: Field
    outer: Field
    dome: Field
    field: Field
    column: Field
    base: float
    floor: float


@dataclass(frozen=True, eq=False)
class Scene:
    """Grid and masks that organs, findings and devices are drawn with."""

    x: Field
    y: Field
    pixel: float
    anatomy: Anatomy
    exposure: Exposure
    lungs: Mapping[str, Lung]
    heart: Field
    mediastinum: Field
    center: float


def build_scene(
    anatomy: Anatomy, exposure: Exposure, heart_level: int, raised: Mapping[str, float], size: int
) -> Scene:
    """Return the geometry; ``raised`` says how far each side's diaphragm is pulled up."""
    steps = (2.0 * np.arange(size, dtype=np.float64) + 1.0 - size) / size
    plain_x, plain_y = np.meshgrid(steps, steps)
    x = (plain_x - exposure.shift_x) / exposure.zoom + exposure.tilt * plain_y
    y = (plain_y - exposure.shift_y) / exposure.zoom - exposure.tilt * plain_x
    pixel = 2.0 / size
    lungs = {
        side: _lung(side, x, y, anatomy, exposure.inspiration - raised.get(side, 0.0), pixel)
        for side in SIDES
    }
    return Scene(
        x=x,
        y=y,
        pixel=pixel,
        anatomy=anatomy,
        exposure=exposure,
        lungs=lungs,
        heart=_heart(x, y, anatomy, exposure, heart_level, pixel),
        mediastinum=_mediastinum(x, y, anatomy, exposure, pixel),
        center=exposure.turn,
    )


def outline(u: Field, y: Field, anatomy: Anatomy) -> tuple[Field, Field, Field]:
    """Return the lung's outer and inner border at height y, and how near y is to its top."""
    up = np.clip((MIDDLE - y) / (MIDDLE - anatomy.apex), 0.0, None)
    narrow = np.sqrt(np.clip(1.0 - up * up, 0.0, None))
    flare = 0.05 * np.clip(y - MIDDLE, 0.0, None)
    return LEAN + (anatomy.wall - LEAN + flare) * narrow, LEAN - (LEAN - INNER) * narrow, up


def _lung(side: str, x: Field, y: Field, anatomy: Anatomy, lower: float, pixel: float) -> Lung:
    u = x if side == "left" else -x
    outer, inner, up = outline(u, y, anatomy)
    base = anatomy.base + (anatomy.left_base if side == "left" else 0.0) + lower
    off_center = (u - 0.36) / (anatomy.wall - 0.36)
    dome = base + anatomy.dome * off_center * off_center
    soft = max(pixel, 0.015)
    column = edge(outer - u, soft) * edge(u - inner, soft) * edge(1.0 - up, 0.02)
    field = column * edge(dome - y, soft)
    return Lung(u, outer, dome, field, column, base, base + anatomy.dome)


def _heart(
    x: Field, y: Field, anatomy: Anatomy, exposure: Exposure, level: int, pixel: float
) -> Field:
    grown = HEART_GROWTH[level] * exposure.magnification
    half = anatomy.heart_width * anatomy.wall * grown
    height = 0.25 * (0.6 + 0.4 * grown)
    bottom = anatomy.base + anatomy.left_base / 2 + exposure.inspiration + 0.06
    center = anatomy.heart_shift * (0.7 + 0.3 * grown) + exposure.turn
    soft = max(pixel, 0.02)
    ventricles = ellipse(
        x, y, (center, bottom - height * 0.95), (half, height), soft, anatomy.heart_tilt / 2
    )
    outflow = ellipse(
        x, y, (0.05 + exposure.turn, bottom - height * 1.45), (0.22 * grown, 0.36), soft
    )
    return np.maximum(ventricles, outflow)


def _mediastinum(x: Field, y: Field, anatomy: Anatomy, exposure: Exposure, pixel: float) -> Field:
    from_center = np.abs(x - exposure.turn)
    half = anatomy.mediastinum * (1.0 + 0.10 * (exposure.magnification - 1.0) / 0.09)
    soft = max(pixel, 0.02)
    column = edge(half - 0.03 * bump(x, y, (exposure.turn, -0.3), (1.0, 0.4)) - from_center, soft)
    knob = ellipse(
        x, y, (anatomy.mediastinum * 0.55 + exposure.turn, -0.36), (anatomy.aorta,) * 2, soft
    )
    return np.maximum(column, knob)
