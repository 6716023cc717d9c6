"""Training of models: targets, losses, recipes, and the building blocks that scripts import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.training.masking import encode_conversation
    from models.training.optimiser_groups import parameter_groups
    from models.training.sampling import length_grouped_order

__all__ = ["encode_conversation", "length_grouped_order", "parameter_groups"]


def __getattr__(name: str) -> Any:
    if name == "encode_conversation":
        from models.training.masking import encode_conversation

        return encode_conversation
    if name == "length_grouped_order":
        from models.training.sampling import length_grouped_order

        return length_grouped_order
    if name == "parameter_groups":
        from models.training.optimiser_groups import parameter_groups

        return parameter_groups
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
