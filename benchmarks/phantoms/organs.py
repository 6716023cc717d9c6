"""Bones, vessels, airways and soft tissue: what every radiograph shows, ill or well."""

from __future__ import annotations

import numpy as np

from benchmarks.phantoms.randomness import Draws
from benchmarks.phantoms.scene import MIDDLE, Scene
from benchmarks.phantoms.shapes import Field, bump, curve, edge, ellipse, stroke


def body(scene: Scene) -> Field:
    """Neck, shoulders and trunk."""
    x, y, anatomy = scene.x, scene.y, scene.anatomy
    slope = edge(y - (anatomy.shoulder - 0.17), 0.20)
    half = 0.24 + (anatomy.wall + 0.17 - 0.24) * slope
    return edge(half - np.abs(x), 0.02)


def abdomen(scene: Scene) -> Field:
    """Everything under the two domes."""
    right, left = scene.lungs["right"], scene.lungs["left"]
    dome = np.where(scene.x < 0, right.dome, left.dome)
    return edge(scene.y - dome, 0.02)


def ribs(scene: Scene) -> Field:
    """Posterior ribs, falling sideways from the spine, and fainter anterior ones that rise."""
    anatomy = scene.anatomy
    aside = np.abs(scene.x)
    cage = edge(anatomy.wall + 0.06 - aside, 0.02) * edge(scene.y - anatomy.apex, 0.04)
    cage = cage * edge(scene.lungs["right"].floor + 0.1 - scene.y, 0.1)
    arch = anatomy.rib_slope * (aside - 0.32) * (aside - 0.32) * 2.2
    posterior = _stripes((scene.y - arch) / anatomy.rib_spacing + anatomy.rib_phase, 0.17)
    fall = scene.y - 0.55 * (0.8 - aside)
    anterior = _stripes(fall / (1.25 * anatomy.rib_spacing) - anatomy.rib_phase, 0.15)
    front = anterior * edge(aside - 0.28, 0.06) * edge(0.35 - scene.y, 0.15)
    return cage * (posterior + 0.4 * front)


def _stripes(phase: Field, half: float) -> Field:
    from_middle = np.abs(phase - np.floor(phase) - 0.5)
    return edge(half - from_middle, 0.07)


def clavicles(scene: Scene) -> Field:
    """Two collar bones; on an AP view they stand higher and flatter."""
    y, far = scene.anatomy.clavicle, scene.anatomy.wall
    drop = 0.10 if scene.exposure.view == "PA" else 0.03
    bones = np.zeros_like(scene.x)
    for s in (-1.0, 1.0):
        path = curve((s * 0.09, y + drop), (s * 0.34, y - 0.01), (s * (far + 0.02), y - 0.07), 4)
        bones = np.maximum(bones, stroke(scene.x, scene.y, path, 0.055, scene.pixel))
    return bones


def scapulae(scene: Scene) -> Field:
    """Shoulder blades, which lie over the lungs only on an AP view."""
    if scene.exposure.view == "PA":
        return np.zeros_like(scene.x)
    aside = np.abs(scene.x)
    inner = scene.anatomy.wall - 0.10 + 0.10 * (scene.y + 0.45)
    blade = edge(aside - inner, 0.02) * edge(scene.y + 0.68, 0.06)
    return blade * edge(-0.08 - scene.y, 0.08)


def spine(scene: Scene) -> Field:
    """Vertebral bodies with brighter end plates."""
    bend = scene.anatomy.spine_bend * (1.0 - scene.y * scene.y)
    column = edge(0.085 - np.abs(scene.x - bend), 0.02)
    return column * (0.6 + 0.4 * _stripes(scene.y / 0.13, 0.2))


def vessels(scene: Scene, congestion: int) -> Field:
    """Hila and the vessels that branch from them; congestion thickens the upper ones."""
    draws = Draws(scene.anatomy.vessels)
    total = np.zeros_like(scene.x)
    for side in ("right", "left"):
        u, hilum = scene.lungs[side].u, scene.anatomy.hilum
        start = (hilum - 0.04, MIDDLE - (0.05 if side == "left" else 0.0))
        total = np.maximum(total, bump(u, scene.y, start, (0.16, 0.22)))
        branches = np.zeros_like(scene.x)
        for number in range(6):
            reach = draws.between(0.26, 0.42)
            y = start[1] + (number - 2.5) * 0.17 + draws.between(-0.04, 0.04)
            end = (start[0] + reach * (1.0 - abs(number - 2.5) * 0.15), y)
            pull = (start[0] + 0.12, (y + start[1]) / 2 + draws.between(-0.05, 0.05))
            upper = number < 3
            width = (0.016 if upper else 0.024) + 0.008 * congestion
            branch = stroke(u, scene.y, curve(start, pull, end, 3), width, scene.pixel)
            np.maximum(branches, branch, out=branches)
        fade = np.clip(1.15 - (u - hilum) / 0.45, 0.0, 1.0)
        total = np.maximum(total, 0.7 * branches * fade)
    return total


def airways(scene: Scene) -> Field:
    """Trachea and main bronchi."""
    turn, pixel = scene.center, scene.pixel
    carina = (turn, -0.26)
    trachea = stroke(scene.x, scene.y, [(turn * 0.5, -1.1), carina], 0.085, pixel)
    right = stroke(scene.x, scene.y, [carina, (turn - 0.15, -0.08)], 0.055, pixel)
    left = stroke(scene.x, scene.y, [carina, (turn + 0.19, -0.10)], 0.05, pixel)
    return np.maximum(trachea, 0.7 * np.maximum(right, left))


def stomach_bubble(scene: Scene) -> Field:
    """Gas under the left dome."""
    anatomy, left = scene.anatomy, scene.lungs["left"]
    size = anatomy.bubble_size
    center = (anatomy.bubble_x, left.base + 0.10 + size * 0.6)
    return ellipse(scene.x, scene.y, center, (size * 1.4, size * 0.75), 0.03)


def breasts(scene: Scene) -> Field:
    """Soft shadows over the lower lungs."""
    aside = np.abs(scene.x)
    return bump(aside, scene.y, (0.48, 0.28), (0.36, 0.34))
