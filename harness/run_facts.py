"""What a report says about a run beside its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFacts:
    """Facts about a run; ``data`` holds rows of the run card, ``images`` is the studies' folder."""

    name: str
    command: str
    data: Sequence[tuple[str, str]]
    images: Path | None = None
    notes: Sequence[str] = ()
    partial: bool = False
