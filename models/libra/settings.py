"""The options of the adapters for the Libra family, as benchmark files give them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal

from models.engines.choice import VllmSettings
from models.engines.engine import Decoding


@dataclass(frozen=True)
class GenerationOptions:
    """How a report is decoded, as `models.engines.engine.Decoding` has it."""

    num_beams: int = 1
    """Beams; 1 is no beam search."""
    length_penalty: float = 1.0
    """Above 0 favours long beams."""
    no_repeat_ngram_size: int = 0
    """Repeat no n-gram of this size, nor one of the prompt's; 0 allows all."""
    max_new_tokens: int = 128
    """Most tokens of a text."""
    num_return_sequences: int = 1
    """Texts per sample; the first is scored, the others are kept."""
    temperature: float = 0.0
    """0 is greedy; above, texts are sampled. Beam search ignores this, top_p and top_k."""
    top_p: float | None = None
    """Sample from the likeliest tokens that make up this share; None: from all."""
    top_k: int | None = 50
    """Sample from so many of the likeliest tokens; None: from all."""
    seed: int = 0
    """Decides what is sampled, together with the study, whatever batch it is in."""

    def decoding(self) -> Decoding:
        """Return the settings of an engine."""
        return Decoding(**asdict(self))


@dataclass(frozen=True)
class FeatureCacheOptions:
    """How image features are kept on disk."""

    dtype: Literal["float32", "float16"] = "float32"
    """float16 halves the files, and rounds."""
    max_gigabytes: float | None = None
    """Of all features; those unused for longest go first. None: no limit."""
    folder: str | None = None
    """None: `features` in the harness's cache folder."""


@dataclass(frozen=True)
class LibraOptions:
    """Which checkpoint runs where, and what it is asked."""

    weights: str
    """A folder, a bundled or short name, or a hub id."""
    base: str | None = None
    """What a LoRA adapter or a projector stands on; None: as its own files say."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    engine: Literal["transformers", "vllm"] = "transformers"
    """What decodes; beam search always goes to transformers."""
    generation: GenerationOptions = GenerationOptions()
    """How texts are decoded."""
    template: str | None = None
    """Conversation template; None: as the original chooses it by the checkpoint's name."""
    prompt: str | None = None
    """Replaces the question about the section."""
    context: list[str] | None = None
    """Sections of the study's context after the question, in this order; None: those that the
    checkpoint was trained with, else all; an empty list: none."""
    canvas: bool | None = None
    """All images of a study on one canvas; None: where the name says Med-CXRGen."""
    padding: Literal["mean", "black"] = "mean"
    """Colour beside an image that is not square: mean as published, or black as in training."""
    dicom: Literal["published", "corrected"] = "published"
    """How DICOM becomes grey: as Libra does it, or as the standard says."""
    batch_size: int | None = None
    """Studies decoded together; None: 8, and 64 with vLLM, which starves on less."""
    vllm: VllmSettings = field(default_factory=VllmSettings)
    """How vLLM uses the machine."""
    device: str | None = None
    """As torch names it; None: a GPU if there is one."""
    dtype: Literal["float32", "bfloat16", "float16", "8bit", "4bit"] | None = None
    """None: float32 on a CPU, float16 elsewhere."""
    feature_cache: FeatureCacheOptions | None = None
    """Keep image features on disk for the next run; None: keep none."""
