"""Any vision-language model of transformers that writes text about images."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from models.adapter import FAILED, Adapter, Figures, Generation, Request
from models.errors import InputError, MissingError
from models.hub import is_here, locate
from models.study_prompt import study_prompt
from models.vision.settings import VisionLanguageOptions

if TYPE_CHECKING:
    from pathlib import Path

    from models.devices import Placement
    from models.engines.engine import GeneratedSequence
    from models.vision.chat import ChatPrompt, VisionChat

_PACKAGES = ("torch", "transformers", "safetensors")
_SETTINGS = ("*.json", "*.jinja", "*.model", "*.txt")
"""Files beside the weights that decide what a model reads and writes."""
_BATCHES = 4
"""Batches that the runner hands over at once, so that like prompts can be put together."""


class VisionLanguage(Adapter):
    """A vision-language model of transformers (MedGemma, Qwen-VL, LLaVA, and a hundred others).

    The model's own chat template shows the current image, the prior image, then a sentence that
    says which is which (or that there is no prior) and the field's question with the study's
    context. ``dummy`` shows the current image as the prior; ``none`` shows no prior. Code that
    comes with a checkpoint is never run.
    """

    Options: ClassVar[type[VisionLanguageOptions]] = VisionLanguageOptions
    uses_images: ClassVar[bool] = True
    uses_prior: ClassVar[bool] = True
    silent_options: ClassVar[tuple[str, ...]] = ("weights", "device", "batch_size")
    options: VisionLanguageOptions

    def __init__(self, options: VisionLanguageOptions) -> None:
        super().__init__(options)
        self.batch_size = _BATCHES * options.batch_size
        # transformers' beams of one row depend on how long the others of its batch take
        self._most = options.batch_size if options.generation.num_beams == 1 else 1
        self._chat: VisionChat | None = None
        self._load_s = 0.0
        self._token_s = 0.0
        self._tokens = 0
        self._images = 0
        self._prompt_tokens = 0
        self._device: str | None = None

    def check(self) -> None:
        """Check packages and settings, and that the checkpoint is here and of a known kind."""
        for package in _PACKAGES:
            if find_spec(package) is None:
                raise MissingError(
                    f"The adapter vision_language needs the package {package}. Install it with "
                    '`pip install "cxr-harness[models]"`.'
                )
        from models.engines.checks import check_decoding
        from models.vision.loading import check_folder

        check_decoding(self.options.generation.decoding())
        given = self.options.weights
        if not is_here(given, self.options.revision):
            raise MissingError(
                f"The weights {given!r} are not on this machine. Download them with "
                f"`hf download {given}`, or with `hf download {given} --local-dir FOLDER` and "
                "give FOLDER as weights."
            )
        check_folder(self._folder)

    def fingerprint(self) -> dict[str, Any]:
        """Return the options that can change a text, the hashes of all files, and versions."""
        from models.weights_files import find_weights, hash_weights

        files = [file for pattern in _SETTINGS for file in self._folder.glob(pattern)]
        return {
            **super().fingerprint(),
            "dtype": self._dtype,
            "files": hash_weights([*find_weights(self._folder), *files]),
            "transformers": version("transformers"),
        }

    def looks_at(self, request: Request) -> list[Path]:
        """Return the images that are shown."""
        options = self.options
        shown = study_prompt(request, options.prompt, options.context, options.send_prior)
        return [] if shown is None else list(shown.images)

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        """Answer a batch; a request whose images cannot be read fails alone."""
        found: dict[int, Generation] = {}
        prompts: dict[int, ChatPrompt] = {}
        for place, request in enumerate(requests):
            try:
                prompts[place] = self._prompt(request)
            except InputError as error:
                found[place] = Generation("", FAILED, error=str(error))
        for batch in _alike(prompts, self._most):
            found.update(self._answered({place: prompts[place] for place in batch}))
        return [found[place] for place in range(len(requests))]

    def figures(self) -> Figures | None:
        """Return times and counts so far; encoding images is part of ``token_s``."""
        if self._device is None:
            return None
        from models.memory import peak_memory_bytes

        return Figures(
            load_s=self._load_s,
            images=self._images,
            tokens=self._tokens,
            token_s=self._token_s,
            prompt_tokens=self._prompt_tokens,
            peak_memory_bytes=peak_memory_bytes(),
            device=self._device,
            dtype=self._dtype,
        )

    def close(self) -> None:
        """Drop the model and give its memory back."""
        if self._chat is None:
            return
        self._chat = None
        gc.collect()
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @cached_property
    def _folder(self) -> Path:
        return locate(self.options.weights, self.options.revision)

    @cached_property
    def _placement(self) -> Placement:
        from models.devices import placement

        where = placement(self.options.device, self.options.dtype)
        if self.options.dtype is None and where.device.type != "cpu":
            # several of these models, Gemma 3 among them, leave the range of float16
            return placement(self.options.device, "bfloat16")
        return where

    @property
    def _dtype(self) -> str:
        return self.options.dtype or str(self._placement.dtype).removeprefix("torch.")

    def _loaded(self) -> VisionChat:
        if self._chat is None:
            from models.vision.chat import VisionChat

            begun = time.perf_counter()
            self._chat = VisionChat(self._folder, self.options, self._placement)
            self._load_s += time.perf_counter() - begun
            self._device = str(self._placement.device)
        return self._chat

    def _prompt(self, request: Request) -> ChatPrompt:
        from models.images.reading import read_image
        from models.vision.chat import ChatPrompt

        options = self.options
        shown = study_prompt(request, options.prompt, options.context, options.send_prior)
        if shown is None:
            raise InputError("The sample has no current image. Give it one, or leave it out.")
        images = [read_image(path, dicom="corrected") for path in shown.images]
        if options.max_side is not None:
            for image in images:
                image.thumbnail((options.max_side, options.max_side))
        return ChatPrompt(tuple(images), shown.text, request.sample_id)

    def _answered(self, prompts: Mapping[int, ChatPrompt]) -> dict[int, Generation]:
        """Answer prompts together, or in halves where memory or one of them does not allow it."""
        chat = self._loaded()
        begun = time.perf_counter()
        try:
            made = chat.generate(list(prompts.values()))
        except (RuntimeError, MemoryError, InputError) as error:
            problem = _problem(error)
            if len(prompts) == 1:
                return {place: Generation("", FAILED, error=problem) for place in prompts}
        else:
            self._token_s += time.perf_counter() - begun
            self._prompt_tokens += made.prompt_tokens
            return {
                place: self._generation(sequence, prompt)
                for (place, prompt), sequence in zip(prompts.items(), made.sequences, strict=True)
            }
        places = list(prompts)
        middle = len(places) // 2
        halves = (places[:middle], places[middle:])
        parts = [self._answered({place: prompts[place] for place in half}) for half in halves]
        return parts[0] | parts[1]

    def _generation(self, sequence: GeneratedSequence, prompt: ChatPrompt) -> Generation:
        self._images += len(prompt.images)
        self._tokens += len(sequence.token_ids)
        return Generation(
            self._loaded().text(sequence),
            sequence.finish_reason,
            tokens=len(sequence.token_ids),
            prompt=prompt.text,
        )


def _alike(prompts: Mapping[int, ChatPrompt], most: int) -> Iterator[list[int]]:
    """Yield the places of at most ``most`` prompts with equally many images, longest texts first.

    Many processors cannot mix numbers of images in a batch.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for place in sorted(prompts, key=lambda place: -len(prompts[place].text)):
        groups[len(prompts[place].images)].append(place)
    for places in groups.values():
        for start in range(0, len(places), most):
            yield places[start : start + most]


def _problem(error: Exception) -> str:
    """Return what to tell of an error that one sample alone may be the cause of."""
    from models.memory import is_out_of_memory

    if isinstance(error, InputError):
        return str(error)
    if is_out_of_memory(error):
        return "Memory does not hold this sample. Set max_side, or dtype: bfloat16 or 4bit."
    raise error
