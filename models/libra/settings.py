"""The options of the adapters for the Libra family, as benchmark files give them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal

from models.engines.choice import VllmSettings
from models.engines.engine import Decoding


@dataclass(frozen=True)
class GenerationOptions:
    """How a report is decoded; names and meaning as in `models.engines.engine.Decoding`."""

    num_beams: int = 1
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    max_new_tokens: int = 128
    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = 50
    seed: int = 0

    def decoding(self) -> Decoding:
        """Return the settings of an engine; one sequence per study."""
        return Decoding(**asdict(self))


@dataclass(frozen=True)
class FeatureCacheOptions:
    """Keep image features on disk in this dtype, up to ``max_gigabytes`` in all."""

    dtype: Literal["float32", "float16"] = "float32"
    max_gigabytes: float | None = None
    folder: str | None = None


@dataclass(frozen=True)
class LibraOptions:
    """Which checkpoint runs where, and what it is asked.

    ``weights``: a folder, a bundled or short name, or a hub id; ``base``: what a LoRA adapter or a
    projector stands on. ``prompt`` replaces the question about the section. ``context`` names the
    sections of the study's context that follow it, in this order; None: those that the checkpoint
    was trained with, else all; an empty list: none. ``canvas``: all images of a study on one
    canvas, as Med-CXRGen reads them; None: for models of that name. ``padding`` and ``dicom``: see
    the page on images. ``batch_size``: None is 8, and 64 with vLLM, which starves on less.
    ``feature_cache``: None keeps no features.
    """

    weights: str
    base: str | None = None
    revision: str | None = None
    engine: Literal["transformers", "vllm"] = "transformers"
    generation: GenerationOptions = GenerationOptions()
    template: str | None = None
    prompt: str | None = None
    context: list[str] | None = None
    canvas: bool | None = None
    padding: Literal["mean", "black"] = "mean"
    dicom: Literal["published", "corrected"] = "published"
    batch_size: int | None = None
    vllm: VllmSettings = field(default_factory=VllmSettings)
    device: str | None = None
    dtype: Literal["float32", "bfloat16", "float16", "8bit", "4bit"] | None = None
    feature_cache: FeatureCacheOptions | None = None
