"""Weights of the clinical metrics: what there is, where it is on this machine, and its hash."""

from __future__ import annotations

from metrics.weights.hashes import hash_path, sha256, sign
from metrics.weights.importing import check_layout, import_weights
from metrics.weights.places import find, how_to_get, locate, weight, weights_folder
from metrics.weights.table import WEIGHTS, Weight

__all__ = [
    "WEIGHTS",
    "Weight",
    "check_layout",
    "find",
    "hash_path",
    "how_to_get",
    "import_weights",
    "locate",
    "sha256",
    "sign",
    "weight",
    "weights_folder",
]
