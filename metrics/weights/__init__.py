"""Weights of the clinical metrics: what there is, where it is on this machine, and its hash."""

from __future__ import annotations

from metrics.weights.hashes import hash_path, sha256, sign
from metrics.weights.importing import import_weights
from metrics.weights.needs import absent, absent_packages, refuse_absent
from metrics.weights.places import find, how_to_get, locate, weight, weights_folder
from metrics.weights.table import WEIGHTS, Weight
from metrics.weights.verifying import Verified, verify

__all__ = [
    "WEIGHTS",
    "Verified",
    "Weight",
    "absent",
    "absent_packages",
    "find",
    "hash_path",
    "how_to_get",
    "import_weights",
    "locate",
    "refuse_absent",
    "sha256",
    "sign",
    "verify",
    "weight",
    "weights_folder",
]
