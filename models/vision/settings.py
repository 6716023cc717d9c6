"""The options of the general adapter for vision-language models."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from models.engines.engine import Decoding
from models.errors import InputError


@dataclass(frozen=True)
class VisionLanguageGeneration:
    """How a text is decoded; names and meaning as in `models.engines.engine.Decoding`.

    What the checkpoint's own generation settings say of these, or of anything but token ids, does
    not count.
    """

    num_beams: int = 1
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = 50
    seed: int = 0

    def decoding(self) -> Decoding:
        """Return the settings that the engines have too; one sequence per study."""
        settings = asdict(self)
        del settings["repetition_penalty"]
        return Decoding(**settings)


@dataclass(frozen=True)
class VisionLanguageOptions:
    """Which checkpoint runs where, and what it is asked.

    ``weights``: a folder or a hub id. ``system``: a system message. ``prompt`` replaces the
    question about the section; ``context`` names the sections that follow it, None for all.
    ``send_prior`` shows the prior image too. ``max_side`` makes larger images this small before
    the model's own preprocessing. ``template_options`` are variables of the chat template
    (``enable_thinking`` of some models).
    """

    weights: str
    revision: str | None = None
    device: str | None = None
    dtype: Literal["float32", "bfloat16", "float16", "8bit", "4bit"] | None = None
    system: str | None = None
    prompt: str | None = None
    context: list[str] | None = None
    send_prior: bool = True
    max_side: int | None = None
    template_options: dict[str, Any] = field(default_factory=dict)
    generation: VisionLanguageGeneration = VisionLanguageGeneration()
    batch_size: int = 4

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"The option batch_size must be at least 1; it is {self.batch_size}.")
        if self.max_side is not None and self.max_side < 16:
            raise InputError(f"The option max_side must be at least 16; it is {self.max_side}.")
        if not self.generation.repetition_penalty > 0:
            raise InputError("The option generation.repetition_penalty must be above 0.")
