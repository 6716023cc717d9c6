"""How much of each pixel a finding covers: one mask in [0, 1] for each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.phantoms.findings import Observation
from benchmarks.phantoms.randomness import Draws
from benchmarks.phantoms.scene import INNER, LEAN, MIDDLE, Lung, Scene, outline
from benchmarks.phantoms.shapes import Field, bump, edge, stroke

_FLUID_HEIGHT = (0.0, 0.28, 0.52, 0.95)
_COLLAPSE = (0.0, 0.15, 0.28, 0.46)  # how much smaller a pneumothorax leaves the lung
_OPACITY_RADIUS = (0.0, 0.17, 0.24, 0.33)
_OPACITY_DENSITY = (0.0, 0.62, 0.82, 1.0)
_NODULE_RADIUS = (0.0, 0.055, 0.09, 0.135)
_EDEMA_RADIUS = (0.0, 0.34, 0.44, 0.56)
_EDEMA_DENSITY = (0.0, 0.5, 0.76, 1.0)
_BAND_WIDTH = (0.0, 0.03, 0.045, 0.065)
ATELECTASIS_RAISES = (0.0, 0.02, 0.04, 0.07)
_OPACITY_CENTER = {"upper": (0.40, -0.42), "mid": (0.47, -0.04), "lower": (0.52, 0.24)}
_NODULE_CENTER = {"upper": (0.40, -0.40), "mid": (0.52, -0.02)}


def effusion(scene: Scene, lung: Lung, seen: Observation) -> Field:
    """Return fluid with a meniscus that climbs the chest wall."""
    sideways = np.clip(lung.u / lung.outer, 0.0, 1.0)
    height = _FLUID_HEIGHT[seen.level]
    surface = lung.floor - height * (0.36 + 0.64 * sideways * sideways * sideways)
    return lung.column * edge(scene.y - surface, 0.03)


def pneumothorax(scene: Scene, lung: Lung, seen: Observation) -> Field:
    """Return the space between the chest wall and the collapsed lung."""
    return lung.field * edge(_beyond_pleura(scene, lung, seen), 0.012)


def pleural_line(scene: Scene, lung: Lung, seen: Observation) -> Field:
    """Return the edge of the collapsed lung."""
    beyond = _beyond_pleura(scene, lung, seen)
    lateral = edge(lung.u - 0.16, 0.04)
    return lung.field * lateral * edge(0.6 * scene.pixel - np.abs(beyond), 0.5 * scene.pixel)


def _beyond_pleura(scene: Scene, lung: Lung, seen: Observation) -> Field:
    """Return the distance from the collapsed lung's edge, positive outside of it."""
    left = 1.0 - _COLLAPSE[seen.level]
    hilum = scene.anatomy.hilum
    u = hilum + (lung.u - hilum) / left
    y = np.where(scene.y < 0.0, scene.y / left, scene.y)
    outer, _, up = outline(u, y, scene.anatomy)
    half = np.where(u > LEAN, scene.anatomy.wall - LEAN, LEAN - INNER)
    across = (u - LEAN) / half
    reach = np.sqrt(across * across + up * up)
    return np.where(scene.y < MIDDLE, (reach - 1.0) * 0.42, u - outer) * left


def opacity(scene: Scene, lung: Lung, seen: Observation) -> Field:
    """Return a patchy, ill-defined cloud in one zone."""
    draws = Draws(seen.shape)
    radius = _OPACITY_RADIUS[seen.level]
    u, y = _OPACITY_CENTER[seen.detail]
    cloud = bump(lung.u, scene.y, (u, y), (radius, radius))
    for _ in range(4):
        at = (u + draws.between(-0.7, 0.7) * radius, y + draws.between(-0.7, 0.7) * radius)
        spread = draws.between(0.45, 0.75) * radius
        cloud = cloud + 0.75 * bump(lung.u, scene.y, at, (spread, spread))
    return lung.field * np.clip(1.2 * cloud, 0.0, 1.0) * _OPACITY_DENSITY[seen.level]


def atelectasis(scene: Scene, lung: Lung, seen: Observation) -> Field:
    """Return one or more linear bands above the diaphragm."""
    draws = Draws(seen.shape)
    rise, start = draws.between(-0.06, 0.10), draws.between(0.30, 0.34)
    width = _BAND_WIDTH[seen.level]
    bands = np.zeros_like(scene.y)
    for number in range(seen.level):
        y = lung.base - 0.07 - 0.10 * number
        reach = 0.58 + 0.03 * seen.level - 0.03 * number
        band = stroke(lung.u, scene.y, [(start, y), (reach, y - rise)], width, scene.pixel)
        bands = np.maximum(bands, band)
    return lung.field * bands


def nodule(scene: Scene, lung: Lung, seen: Observation) -> Field:
    """Return a round spot with a sharp edge."""
    draws = Draws(seen.shape)
    u, y = _NODULE_CENTER[seen.detail]
    du, dy = lung.u - u - draws.between(-0.05, 0.05), scene.y - y - draws.between(-0.07, 0.07)
    radius = _NODULE_RADIUS[seen.level]
    return lung.field * edge(radius - np.sqrt(du * du + dy * dy), 0.02)


def edema(scene: Scene, lung: Lung, seen: Observation) -> Field:
    """Return haze around the hilum."""
    radius = _EDEMA_RADIUS[seen.level]
    haze = bump(lung.u, scene.y, (0.24, -0.02), (radius, 1.25 * radius))
    return lung.field * haze * _EDEMA_DENSITY[seen.level]


SIDED: dict[str, Callable[[Scene, Lung, Observation], Field]] = {
    "effusion": effusion,
    "pneumothorax": pneumothorax,
    "opacity": opacity,
    "atelectasis": atelectasis,
    "nodule": nodule,
}
