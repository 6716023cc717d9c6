"""A patient's build, which stays, and how one radiograph is taken, which does not.

Lengths are fractions of half the image; x grows to the right of the image, which is the patient's
left, and y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.phantoms.randomness import Draws


@dataclass(frozen=True)
class Anatomy:
    """What makes a patient recognisable in all of their studies."""

    wall: float  # from the midline to the chest wall
    apex: float  # y of the top of the lungs
    base: float  # y of the top of the right diaphragm
    left_base: float  # how much lower the left one is
    dome: float  # depth of the costophrenic angle below the dome
    shoulder: float  # y where the shoulders end
    heart_width: float  # half of it, over the half-width of the chest
    heart_shift: float
    heart_tilt: float
    mediastinum: float
    aorta: float
    rib_spacing: float
    rib_phase: float
    rib_slope: float
    clavicle: float
    spine_bend: float
    bubble_x: float
    bubble_size: float
    breast: float
    hilum: float
    vessels: int  # seed of the branching


@dataclass(frozen=True)
class Exposure:
    """What differs between two radiographs of the same patient."""

    view: str
    shift_x: float
    shift_y: float
    tilt: float
    zoom: float
    inspiration: float  # how much lower the diaphragm stands
    turn: float  # sideways shift of heart and trachea by a turned patient
    brightness: float
    contrast: float
    gradient: float
    grain: float

    @property
    def magnification(self) -> float:
        """How much larger the heart looks than on a PA view."""
        return 1.09 if self.view == "AP" else 1.0


def draw_anatomy(draws: Draws) -> Anatomy:
    """Return a patient's build."""
    return Anatomy(
        wall=draws.between(0.68, 0.80),
        apex=draws.between(-0.80, -0.70),
        base=draws.between(0.36, 0.48),
        left_base=draws.between(0.03, 0.08),
        dome=draws.between(0.17, 0.24),
        shoulder=draws.between(-0.66, -0.52),
        heart_width=draws.between(0.405, 0.455),
        heart_shift=draws.between(0.08, 0.14),
        heart_tilt=draws.between(0.16, 0.34),
        mediastinum=draws.between(0.125, 0.165),
        aorta=draws.between(0.075, 0.115),
        rib_spacing=draws.between(0.165, 0.205),
        rib_phase=draws.fraction(),
        rib_slope=draws.between(0.22, 0.42),
        clavicle=draws.between(-0.66, -0.56),
        spine_bend=draws.between(-0.03, 0.03),
        bubble_x=draws.between(0.30, 0.46),
        bubble_size=draws.between(0.07, 0.13),
        breast=draws.between(0.0, 0.05),
        hilum=draws.between(0.20, 0.25),
        vessels=draws.whole(0, 2**31 - 1),
    )


def draw_exposure(view: str, draws: Draws) -> Exposure:
    """Return how one radiograph is taken; portable AP views are less careful than PA ones."""
    portable = view == "AP"
    loose = 1.0 if portable else 0.6
    return Exposure(
        view=view,
        shift_x=draws.between(-0.04, 0.04) * loose,
        shift_y=draws.between(-0.04, 0.04) * loose,
        tilt=draws.between(-0.05, 0.05) * loose,
        zoom=draws.between(0.97, 1.03),
        inspiration=draws.between(-0.07, 0.0) if portable else draws.between(-0.02, 0.03),
        turn=draws.between(-0.03, 0.03) * loose,
        brightness=draws.between(-0.04, 0.04),
        contrast=draws.between(0.92, 1.08),
        gradient=draws.between(-0.04, 0.04),
        grain=draws.between(0.012, 0.024) * (1.2 if portable else 1.0),
    )
