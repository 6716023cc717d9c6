"""From the folders of MIMIC-CXR, as PhysioNet gives them, to studies."""

from harness.mimic.priors import pair_priors
from harness.mimic.sections import extract_sections

__all__ = ["extract_sections", "pair_priors"]
