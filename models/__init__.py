"""Adapters of report-writing models and the engines that run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.loading import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    if name == "load":
        from models.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
