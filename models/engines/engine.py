"""What every decoding engine is: prompts as embeddings in, generated sequences out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.memory import peak_memory_bytes

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Decoding:
    """How texts are made from a model's probabilities; the names are those of transformers.

    ``num_beams`` above 1 is beam search and ignores temperature, top_p and top_k. Else
    ``temperature`` 0 is greedy, above 0 sampling. ``no_repeat_ngram_size`` bans n-grams that stand
    in the prompt too, as Libra's generation does. ``top_k`` 50 is what transformers applied where
    the original says nothing. ``seed`` decides what is sampled, together with each prompt's key
    and never with the batch it runs in; None draws another seed each time.
    """

    num_beams: int = 1
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    max_new_tokens: int = 128
    num_return_sequences: int = 1
    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = 50
    seed: int | None = 0


@dataclass(frozen=True)
class EnginePrompt:
    """A prompt ready for a language model.

    ``ids`` are the prompt's token ids as the original tokenises it, with -200 where the image is
    (one id, not one per patch): what n-grams are banned by. ``embeddings`` are ``[length, hidden]``
    with the image's features spliced in. ``key`` tells prompts apart for seeded sampling.
    ``stop_ids`` end this prompt's texts, beside those of the engine.
    """

    ids: Sequence[int]
    embeddings: Tensor
    key: str = ""
    stop_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class GeneratedSequence:
    """One generated sequence: its new ids (an end token included), and why it ended.

    ``score`` is a beam's sum of log-probabilities over ``length ** length_penalty``; None without
    beams. ``finish_reason`` is ``stop`` or ``length``.
    """

    token_ids: list[int]
    finish_reason: str
    score: float | None = None


@dataclass
class Usage:
    """What an engine has done: prompts, tokens read and returned, seconds, halved batches."""

    prompts: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    seconds: float = 0.0
    halvings: int = 0


class Engine(ABC):
    """Decodes prompts with one language model; ``usage`` counts what it has done."""

    usage: Usage

    @abstractmethod
    def generate(
        self, prompts: Sequence[EnginePrompt], decoding: Decoding
    ) -> list[list[GeneratedSequence]]:
        """Return ``num_return_sequences`` sequences per prompt, best first, in the prompts' order.

        The ids of a prompt do not depend on the batch it is in.
        """

    def peak_memory_bytes(self) -> int:
        """Return the most memory that was held so far: the GPU's if one is used."""
        return peak_memory_bytes()

    def close(self) -> None:  # noqa: B027 (what lives in this process goes with its objects)
        """Stop what runs outside this process, and give its memory back."""
