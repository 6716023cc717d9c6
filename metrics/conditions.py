"""The conditions that CheXbert labels, and what its classes say of a report."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONDITIONS = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
)
FIVE = (1, 4, 5, 7, 9)
"""Positions of cardiomegaly, edema, consolidation, atelectasis and pleural effusion."""
AVERAGES = ("micro", "macro", "weighted", "samples")
"""How F1 is averaged over conditions, or over studies."""
BLANK, POSITIVE, NEGATIVE, UNCERTAIN = range(4)
"""The classes of a condition; "No Finding" has the first two only."""


def snake_case(condition: str) -> str:
    """Return the condition as it stands in a metric's name.

    >>> snake_case("Pleural Effusion")
    'pleural_effusion'
    """
    return condition.lower().replace(" ", "_")


def is_present(labels: ArrayLike, uncertain: bool = True) -> NDArray[np.bool_]:
    """Return which conditions count as there, of the shape of ``labels``.

    ``uncertain`` says whether a condition that the report calls uncertain counts, as published.
    """
    classes = np.asarray(labels)
    present: NDArray[np.bool_] = classes == POSITIVE
    return present | (classes == UNCERTAIN) if uncertain else present


def is_abnormal(labels: ArrayLike) -> NDArray[np.bool_]:
    """Return which reports are abnormal: those that CheXbert does not label "No Finding".

    The published split into normal and abnormal studies. It is the labeller's own verdict on the
    whole report: devices alone leave a report normal if the labeller says so, and a text that
    says nothing of the chest is as the labeller has it.

    Parameters
    ----------
    labels
        Class indices, shape (..., 14).
    """
    verdict = np.asarray(labels)[..., CONDITIONS.index("No Finding")]
    abnormal: NDArray[np.bool_] = verdict != POSITIVE
    return abnormal
