"""Training records of phantoms, kept in a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.libra.prompts import FINDINGS_QUESTION, IMAGE_TOKEN
from models.training.tuning.records import TrainingRecord


class PhantomRecords(list[TrainingRecord]):
    """Records as training reads them."""

    def digest(self) -> str:
        """Return what tells them from others: nothing, since no run goes on with them."""
        return "phantoms"


def findings_record(name: str, images: Sequence[Path], findings: str) -> TrainingRecord:
    """Return a record that asks Libra's question about a study and learns its findings."""
    talk = (
        {"from": "human", "value": f"{IMAGE_TOKEN}\n{FINDINGS_QUESTION}"},
        {"from": "gpt", "value": findings},
    )
    return TrainingRecord(name, talk, tuple(images), findings)
