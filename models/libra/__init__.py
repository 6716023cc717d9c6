"""Libra and its relatives: an independent implementation that loads their published checkpoints.

``TemporalAlignmentConnector`` and ``load_projector`` need torch, so they are imported when first
asked for; ``prompts`` does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.libra.projector_files import load_projector
    from models.libra.projectors import TemporalAlignmentConnector

__all__ = ["TemporalAlignmentConnector", "load_projector", "prompts"]


def __getattr__(name: str) -> Any:
    if name == "TemporalAlignmentConnector":
        from models.libra.projectors import TemporalAlignmentConnector

        return TemporalAlignmentConnector
    if name == "load_projector":
        from models.libra.projector_files import load_projector

        return load_projector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
