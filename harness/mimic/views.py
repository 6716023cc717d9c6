"""The views of chest radiographs, as ViewPosition names them, and which of them comes first."""

from __future__ import annotations

from typing import Literal

Views = Literal["all", "frontal"]

FRONTAL = ("PA", "AP")
ORDER = (
    *(*FRONTAL, "LATERAL", "LL", "AP AXIAL", "AP LLD", "AP RLD", "PA RLD", "PA LLD"),
    *("LAO", "RAO", "LPO", "XTABLE LATERAL", "SWIMMERS"),
)
"""Frontal images first; then in the order in which Med-CXRGen is shown them."""
