"""A vision-language model of transformers with its processor: prompts in, token ids out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jinja2 import TemplateError
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from models.engines.engine import EnginePrompt, GeneratedSequence
from models.engines.sampling import choose, uniform_draws
from models.errors import InputError
from models.vision.loading import load_model, load_processor, token_settings

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from models.devices import Placement
    from models.engines.engine import Decoding
    from models.vision.settings import VisionLanguageGeneration, VisionLanguageOptions


@dataclass(frozen=True)
class ChatPrompt:
    """What one sample shows and asks; ``key`` tells prompts apart for seeded sampling."""

    images: tuple[Image, ...]
    text: str
    key: str = ""


@dataclass(frozen=True)
class ChatAnswers:
    """One sequence per prompt, and how many tokens the prompts have together."""

    sequences: list[GeneratedSequence]
    prompt_tokens: int


class VisionChat:
    """A loaded model and the processor that turns conversations into its inputs."""

    def __init__(self, folder: Path, options: VisionLanguageOptions, where: Placement) -> None:
        """Load a checkpoint's folder.

        Raises
        ------
        InputError
            If it is no image-text-to-text model of transformers, its processor has no chat
            template, or its weights do not fit.
        MissingError
            If a package that its processor needs is not installed.
        """
        self._options = options
        self._processor = load_processor(folder)
        self._model = load_model(folder, where)
        self._dtype = where.dtype
        self._tokens = token_settings(self._model, self._processor)

    def generate(self, prompts: Sequence[ChatPrompt]) -> ChatAnswers:
        """Return one sequence per prompt; all prompts must have equally many images."""
        inputs = self.inputs(prompts)
        length = inputs["input_ids"].shape[1]
        settings = self._options.generation
        with torch.inference_mode():
            ids = self._model.generate(
                **inputs,
                generation_config=self._configured(settings),
                logits_processor=_sampling(settings.decoding(), prompts, length),
            )
        sequences = [self._until_stop(row) for row in ids[:, length:].tolist()]
        return ChatAnswers(sequences, int(inputs["attention_mask"].sum()))

    def inputs(self, prompts: Sequence[ChatPrompt]) -> dict[str, Any]:
        """Return the model's inputs for a batch, left-padded, on its device.

        Raises
        ------
        InputError
            If the processor's chat template cannot show such a conversation.
        """
        try:
            made = self._processor.apply_chat_template(
                [self._conversation(prompt) for prompt in prompts],
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                # a text that holds an image token or a role's marker stays a text
                sanitize_control_tokens=True,
                processor_kwargs={"padding": True, "padding_side": "left"},
                **self._options.template_options,
            )
        except (ValueError, TypeError, KeyError, IndexError, TemplateError) as error:
            raise InputError(
                f"The model's processor cannot show {len(prompts[0].images)} images with a text "
                f"({type(error).__name__}). Try send_prior: false or system: null, or see the "
                "model's card for what it takes."
            ) from error
        return dict(made.to(self._model.device, dtype=self._dtype))

    def text(self, sequence: GeneratedSequence) -> str:
        """Return the text of a generated sequence."""
        tokenizer = getattr(self._processor, "tokenizer", self._processor)
        decoded: str = tokenizer.decode(sequence.token_ids, skip_special_tokens=True)
        return decoded.strip()

    def _conversation(self, prompt: ChatPrompt) -> list[dict[str, Any]]:
        system = self._options.system
        images = [{"type": "image", "image": image} for image in prompt.images]
        asked = {"role": "user", "content": [*images, {"type": "text", "text": prompt.text}]}
        if system is None:
            return [asked]
        return [{"role": "system", "content": [{"type": "text", "text": system}]}, asked]

    def _configured(self, settings: VisionLanguageGeneration) -> Any:
        kind: Any = GenerationConfig
        return kind(
            **self._tokens,
            do_sample=False,
            num_beams=settings.num_beams,
            length_penalty=settings.length_penalty,
            no_repeat_ngram_size=settings.no_repeat_ngram_size,
            repetition_penalty=settings.repetition_penalty,
            max_new_tokens=settings.max_new_tokens,
        )

    def _until_stop(self, tokens: list[int]) -> GeneratedSequence:
        for place, token in enumerate(tokens):
            if token in self._tokens["eos_token_id"]:
                return GeneratedSequence(tokens[: place + 1], "stop")
        return GeneratedSequence(tokens, "length")


def _sampling(
    decoding: Decoding, prompts: Sequence[ChatPrompt], length: int
) -> LogitsProcessorList:
    if decoding.num_beams > 1 or decoding.temperature == 0:
        return LogitsProcessorList()
    keys = [EnginePrompt((), torch.empty(0), prompt.key) for prompt in prompts]
    draws = uniform_draws(keys, decoding)[:, 0]
    return LogitsProcessorList([_Drawn(draws, decoding, length)])


class _Drawn(LogitsProcessor):
    """Leaves one id possible in each row, drawn by the row's own numbers.

    Greedy decoding then takes it, so that what is sampled for a sample depends on the seed and
    its key, not on the batch.
    """

    def __init__(self, draws: Tensor, decoding: Decoding, length: int) -> None:
        self._draws, self._decoding, self._length = draws, decoding, length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        step = input_ids.shape[1] - self._length
        chosen = choose(scores, self._draws[:, step], self._decoding)
        only = torch.full_like(scores, -torch.inf)
        return only.scatter(1, chosen[:, None], 0.0)
