"""Devices: strokes and boxes that are brighter than any bone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.phantoms.findings import Observation
from benchmarks.phantoms.scene import Scene
from benchmarks.phantoms.shapes import Field, box, curve, ellipse, stroke

_CAVA = (-0.10, -0.08)  # where the tip of a central line lies
_WIRE = 0.012


def device(scene: Scene, seen: Observation) -> Field:
    """Return how much of each pixel the device covers."""
    return _DEVICES[seen.finding](scene, seen)


def _towards(seen: Observation) -> float:
    return 1.0 if seen.side == "left" else -1.0


def _pacemaker(scene: Scene, seen: Observation) -> Field:
    s, x, y, turn = _towards(seen), scene.x, scene.y, scene.center
    generator = box(x, y, (s * 0.60, -0.50), (0.10, 0.085), 0.02)
    ventricle = (0.26 + turn, 0.30)
    entry = (-0.08 + turn, -0.36)
    leads = [
        *curve((s * 0.54, -0.54), (s * 0.22, -0.72), entry),
        *curve(entry, (-0.24 + turn, 0.22), ventricle),
    ]
    atrium = curve((-0.14 + turn, 0.0), (-0.22 + turn, 0.16), (-0.14 + turn, 0.10), steps=3)
    wires = stroke(x, y, leads, _WIRE, scene.pixel)
    return np.maximum(generator, np.maximum(wires, stroke(x, y, atrium, _WIRE, scene.pixel)))


def _central_line(scene: Scene, seen: Observation) -> Field:
    s, x, y, turn = _towards(seen), scene.x, scene.y, scene.center
    tip = (_CAVA[0] + turn, _CAVA[1])
    entry = (tip[0], -0.42)
    if seen.detail == "internal jugular":
        path = curve((s * 0.20, -1.05), (s * 0.13, -0.62), entry)
    elif seen.detail == "picc":
        path = curve((s * 0.98, -0.40), (s * 0.42, -0.72), entry, steps=8)
    else:
        path = curve((s * 0.58, -0.42), (s * 0.34, -0.86), entry, steps=8)
    line = stroke(x, y, [*path, tip], _WIRE, scene.pixel)
    if seen.detail != "port":
        return line
    reservoir = ellipse(x, y, (s * 0.60, -0.38), (0.065, 0.065), 0.02)
    hole = ellipse(x, y, (s * 0.60, -0.38), (0.022, 0.022), 0.02)
    return np.maximum(line, reservoir - 0.6 * hole)


def _endotracheal_tube(scene: Scene, _: Observation) -> Field:
    turn = scene.center
    path = [(0.0, -1.1), (turn, -0.75), (turn, -0.40)]
    return stroke(scene.x, scene.y, path, 0.035, scene.pixel)


def _enteric_tube(scene: Scene, _: Observation) -> Field:
    turn, anatomy = scene.center, scene.anatomy
    hiatus = (0.06 + turn, anatomy.base + 0.08)
    stomach = (anatomy.bubble_x - 0.04, anatomy.base + 0.34)
    path = [
        (0.02, -1.1),
        (0.035 + turn, -0.5),
        *curve(hiatus, (0.08 + turn, stomach[1]), stomach),
    ]
    return stroke(scene.x, scene.y, path, _WIRE, scene.pixel)


def _sternotomy_wires(scene: Scene, _: Observation) -> Field:
    wires = np.zeros_like(scene.x)
    for number in range(6):
        y, x = -0.46 + 0.14 * number, scene.center * 0.5
        loop = [(x - 0.035, y - 0.025), (x + 0.035, y + 0.025), (x + 0.035, y - 0.02)]
        loop += [(x - 0.035, y + 0.025), loop[0]]
        wires = np.maximum(wires, stroke(scene.x, scene.y, loop, _WIRE, scene.pixel))
    return wires


_DEVICES: dict[str, Callable[[Scene, Observation], Field]] = {
    "pacemaker": _pacemaker,
    "central_line": _central_line,
    "endotracheal_tube": _endotracheal_tube,
    "enteric_tube": _enteric_tube,
    "sternotomy_wires": _sternotomy_wires,
}
