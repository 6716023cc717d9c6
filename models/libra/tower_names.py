"""The names of a vision tower's tensors: published files have those of transformers 4.

transformers 5 renames modules from release to release (CLIP's and SigLIP's lost a prefix, Dinov2's
attention was flattened) and reads the old names in each of them; so files are compared, loaded and
written under the old ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

OTHER_HALF = ("text_model.", "text_projection", "visual_projection", "logit_")
"""What the names of a CLIP or SigLIP pair that are not its tower's begin with."""

_PREFIXES = dict.fromkeys(("clip_vision_model", "siglip_vision_model"), "vision_model.")
_DINOV2 = {
    "q_proj": "attention.query",
    "k_proj": "attention.key",
    "v_proj": "attention.value",
    "o_proj": "output.dense",
}
_DINOV2_ATTENTION = re.compile(r"(?<=\.attention\.)([qkvo]_proj)(?=\.)")


def official_names(values: Mapping[str, T], kind: str) -> dict[str, T]:
    """Return a tower's tensors under the names that transformers 4 saved.

    >>> official_names({"encoder.layer.0.attention.o_proj.bias": 1}, "dinov2")
    {'encoder.layer.0.attention.output.dense.bias': 1}
    >>> official_names({"embeddings.class_embedding": 1}, "clip_vision_model")
    {'vision_model.embeddings.class_embedding': 1}
    """
    if kind == "dinov2":
        return {_DINOV2_ATTENTION.sub(_old_name, name): v for name, v in values.items()}
    prefix = _PREFIXES.get(kind, "")
    return {
        name if name.startswith((prefix, *OTHER_HALF)) else prefix + name: value
        for name, value in values.items()
    }


def _old_name(match: re.Match[str]) -> str:
    return _DINOV2[match[1]]
