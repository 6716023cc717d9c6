"""What tuning learns from: records that are read one by one, from wherever they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from models.errors import InputError

Turn = Mapping[str, str]
"""``{"from": "human" | "gpt", "value": text}``, as in Libra's files."""


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """One conversation about the images of a study.

    Parameters
    ----------
    id
        Names the record in messages.
    conversation
        Turns as ``encode_conversation`` takes them; the last one is the answer to be learnt.
    images
        Current and prior image; one image alone is its own prior, as Libra has it. With ``canvas``
        all images of the study, which are shown side by side as one. None: text only.
    views
        The views of ``images`` on a canvas, as many or none; they decide the order.
    reference
        What a generated answer to the last question is compared with.
    """

    id: str
    conversation: tuple[Turn, ...]
    images: tuple[Path, ...]
    reference: str
    canvas: bool = False
    views: tuple[str, ...] = ()


class NothingToTeachError(InputError):
    """A record from which nothing can be learnt; ``reason`` is one of `REASONS`."""

    def __init__(self, record: str, reason: str) -> None:
        super().__init__(record, reason)
        self.record = record
        self.reason = reason

    def __str__(self) -> str:
        return f"The record {self.record!r} teaches nothing: {REASONS[self.reason]}."


class Records(Protocol):
    """Random access to the records of one or more files; picklable, for worker processes."""

    def __len__(self) -> int:
        """Return how many records there are, those that teach nothing among them."""

    def __getitem__(self, index: int) -> TrainingRecord:
        """Return a record.

        Raises
        ------
        NothingToTeachError
            If it has nothing that could be learnt.
        InputError
            If it cannot be read; the message names file and line.
        """

    def digest(self) -> str:
        """Return a SHA-256 that changes whenever a record can."""


REASONS = {
    "no_section": "its report lacks the section asked for",
    "empty_section": "the section asked for is empty in its report",
    "no_answer": "its question has no answer, or an empty one",
    "no_image": "its study has no image",
    "too_many_images": "it has more images than a current and a prior one",
    "missing_image": "a file of its images is not there",
    "many_places": "its text holds <image> more than once, where the models read one",
    "no_place": "it shows no image, and the stage trains the projector alone",
    "refused": "its turns do not suit the conversation template",
    "no_token": "no token of it is learnt: it has no answer, or one beyond the longest length",
}
"""Why a record teaches nothing, by the reason's name."""
