"""What each stage of a training reached, step by step, as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LOSSES = ("loss", "eval_loss")


class TrainingLog:
    """A file of JSON lines: what each stage reached, step by step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append a line."""
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(entry) + "\n")

    def forget(self, stage: str, after: int = 0) -> None:
        """Drop what an interrupted run wrote of a stage and is to be written again."""
        if not self.path.is_file():
            return
        lines = self.path.read_text("utf-8").splitlines(keepends=True)
        # the last line may have been cut short
        whole = [(line, json.loads(line)) for line in lines if line.endswith("\n")]
        kept = [
            line
            for line, entry in whole
            if entry["stage"] != stage
            or (any(loss in entry for loss in _LOSSES) and entry["step"] <= after)
        ]
        draft = self.path.with_suffix(".part")
        draft.write_text("".join(kept), "utf-8", newline="\n")
        draft.replace(self.path)
