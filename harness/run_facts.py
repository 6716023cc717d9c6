"""What a report says about a run beside its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunFacts:
    """Facts about a run; ``data`` holds rows of the run card, ``images`` is the studies' folder.

    ``text_only`` are the models that look at no image, ``performance`` what models measured of
    themselves, by system.
    """

    name: str
    command: str
    data: Sequence[tuple[str, str]]
    images: Path | None = None
    notes: Sequence[str] = ()
    partial: bool = False
    text_only: Sequence[str] = ()
    performance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
