"""The options of the general adapter for vision-language models."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from models.engines.engine import Decoding
from models.errors import InputError
from models.libra.settings import GenerationOptions


@dataclass(frozen=True)
class VisionLanguageGeneration(GenerationOptions):
    """How a text is decoded.

    What the checkpoint's own generation settings say of these, or of anything but token ids, does
    not count.
    """

    max_new_tokens: int = 512
    """Most tokens of a text."""
    repetition_penalty: float = 1.0
    """Above 1 makes tokens that stand there already less likely."""

    def decoding(self) -> Decoding:
        """Return the settings that the engines have too; one sequence per study."""
        settings = asdict(self)
        del settings["repetition_penalty"]
        return Decoding(**settings)


@dataclass(frozen=True)
class VisionLanguageOptions:
    """Which checkpoint runs where, and what it is asked."""

    weights: str
    """A folder or a hub id."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    device: str | None = None
    """As torch names it; None: a GPU if there is one."""
    dtype: Literal["float32", "bfloat16", "float16", "8bit", "4bit"] | None = None
    """None: float32 on a CPU, float16 elsewhere."""
    system: str | None = None
    """A system message."""
    prompt: str | None = None
    """Replaces the question about the section."""
    context: list[str] | None = None
    """Sections of the study's context after the question, in this order; None: all."""
    send_prior: bool = True
    """Whether the prior image is shown too."""
    max_side: int | None = None
    """Larger images are made this small, in pixels, before the model's own preprocessing."""
    template_options: dict[str, Any] = field(default_factory=dict)
    """Variables of the chat template, such as enable_thinking of some models."""
    generation: VisionLanguageGeneration = VisionLanguageGeneration()
    """How texts are decoded; the checkpoint's own generation settings do not count."""
    batch_size: int = 4
    """Studies decoded together."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"The option batch_size must be at least 1; it is {self.batch_size}.")
        if self.max_side is not None and self.max_side < 16:
            raise InputError(f"The option max_side must be at least 16; it is {self.max_side}.")
        if not self.generation.repetition_penalty > 0:
            raise InputError("The option generation.repetition_penalty must be above 0.")
