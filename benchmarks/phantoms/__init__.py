"""Synthetic chest radiographs with reports that are true of them, from a seed alone."""

from __future__ import annotations

from benchmarks.phantoms.errors import InputError
from benchmarks.phantoms.images import draw, draw_lesions
from benchmarks.phantoms.patients import Patient, Study, generate_patients, generate_split
from benchmarks.phantoms.writer import Summary, write_image, write_phantoms

__all__ = [
    "InputError",
    "Patient",
    "Study",
    "Summary",
    "draw",
    "draw_lesions",
    "generate_patients",
    "generate_split",
    "write_image",
    "write_phantoms",
]
