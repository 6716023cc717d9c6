"""The engine that decodes with transformers' own model classes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from models.engines.beams import beam_search
from models.engines.checks import check_decoding, check_model, check_prompt, prompt_name
from models.engines.engine import Decoding, Engine, EnginePrompt, GeneratedSequence, Usage
from models.engines.ngrams import PADDING
from models.engines.sampling import Sampler, sample, uniform_draws
from models.engines.shared_prompts import SharedPrompts
from models.errors import InputError
from models.memory import is_out_of_memory

_LOG = logging.getLogger(__name__)


class TransformersEngine(Engine):
    """Beam search, greedy decoding and sampling in batches that read each prompt once.

    Parameters
    ----------
    language_model
        A ``*ForCausalLM`` of transformers (Llama, Mistral, Phi-3, Gemma, Qwen2, Qwen3), of any
        floating type or quantised, on any device. It is put into evaluation mode.
    stop_ids
        Ids that end a sequence, beside those of its prompt.
    batch_size
        Prompts decoded together. When memory runs out it is halved, and stays so.
    """

    def __init__(
        self, language_model: Any, *, stop_ids: Sequence[int], batch_size: int = 8
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size {batch_size} is below 1.")
        check_model(language_model)
        self._model = language_model.eval()
        self._stop_ids = tuple(dict.fromkeys(stop_ids))
        self.batch_size = batch_size
        self.usage = Usage()

    def generate(
        self, prompts: Sequence[EnginePrompt], decoding: Decoding
    ) -> list[list[GeneratedSequence]]:
        """Return ``num_return_sequences`` sequences per prompt, best first, in the prompts' order.

        In float32 the ids do not depend on the batch size.

        Raises
        ------
        InputError
            Settings that contradict each other, a prompt longer than the model's positions, one
            that does not fit into memory alone, or logits that are not finite.
        """
        check_decoding(decoding)
        for prompt in prompts:
            check_prompt(self._model, prompt, decoding.max_new_tokens)
        start = time.perf_counter()
        lengths = [len(prompt.embeddings) for prompt in prompts]
        ends = [self._ends(prompt) for prompt in prompts]
        waiting = sorted(range(len(prompts)), key=lambda place: (ends[place], -lengths[place]))
        results: list[list[GeneratedSequence]] = [[] for _ in prompts]
        while waiting:
            some = waiting[: self.batch_size]
            places = [place for place in some if ends[place] == ends[some[0]]]
            done = self._decode_or_shrink([prompts[place] for place in places], decoding)
            if done is not None:
                waiting = waiting[len(places) :]
                for place, sequences in zip(places, done, strict=True):
                    results[place] = sequences
        self.usage.prompts += len(prompts)
        self.usage.prompt_tokens += sum(lengths)
        self.usage.tokens += sum(len(s.token_ids) for sequences in results for s in sequences)
        self.usage.seconds += time.perf_counter() - start
        return results

    def stream(self, prompt: EnginePrompt, decoding: Decoding) -> Iterator[int]:
        """Yield a prompt's new ids one at a time, as `generate` would return them.

        Raises
        ------
        InputError
            With beams or several sequences, and as `generate`.
        """
        check_decoding(decoding)
        if decoding.num_beams > 1 or decoding.num_return_sequences > 1:
            raise InputError(
                "Only one sequence without beams can be streamed. Set num_beams and "
                "num_return_sequences to 1."
            )
        check_prompt(self._model, prompt, decoding.max_new_tokens)
        sampler = self._sampler([prompt], decoding)
        self.usage.prompts += 1
        self.usage.prompt_tokens += len(prompt.embeddings)
        for _ in range(decoding.max_new_tokens):
            start = time.perf_counter()
            token = int(sampler.step())
            self.usage.seconds += time.perf_counter() - start
            self.usage.tokens += 1
            yield token
            if token in self._ends(prompt):
                return

    def _ends(self, prompt: EnginePrompt) -> tuple[int, ...]:
        return tuple(dict.fromkeys([*self._stop_ids, *prompt.stop_ids]))

    def _decode_or_shrink(
        self, prompts: list[EnginePrompt], decoding: Decoding
    ) -> list[list[GeneratedSequence]] | None:
        """Decode a batch; None if memory ran out, with the batch size halved."""
        try:
            return self._decode(prompts, decoding)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Only here, after the exception with its frames and their tensors is gone, is memory free.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(prompts) == 1:
            raise InputError(
                f"{prompt_name(prompts[0])} of {len(prompts[0].embeddings)} tokens does not fit "
                "into memory even alone. Lower num_beams, num_return_sequences or max_new_tokens, "
                "or load the model in a smaller type (dtype, 8 or 4 bits)."
            )
        self.batch_size = len(prompts) // 2
        self.usage.halvings += 1
        _LOG.warning(
            "Memory ran out with %d prompts in a batch: going on with %d.",
            len(prompts),
            self.batch_size,
        )
        return None

    @torch.inference_mode()
    def _decode(
        self, prompts: list[EnginePrompt], decoding: Decoding
    ) -> list[list[GeneratedSequence]]:
        ends = self._ends(prompts[0])  # all prompts of a batch end alike
        if decoding.num_beams > 1:
            batch = SharedPrompts(self._model, prompts, decoding.num_beams)
            return beam_search(batch, _padded_ids(prompts, batch.device), decoding, ends)
        return sample(self._sampler(prompts, decoding), decoding, ends)

    def _sampler(self, prompts: list[EnginePrompt], decoding: Decoding) -> Sampler:
        batch = SharedPrompts(self._model, prompts, decoding.num_return_sequences)
        draws = uniform_draws(prompts, decoding) if decoding.temperature > 0 else None
        return Sampler(batch, _padded_ids(prompts, batch.device), draws, decoding)


def _padded_ids(prompts: Sequence[EnginePrompt], device: torch.device) -> Tensor:
    width = max(len(prompt.ids) for prompt in prompts)
    rows = [[PADDING] * (width - len(prompt.ids)) + list(prompt.ids) for prompt in prompts]
    return torch.tensor(rows, dtype=torch.long, device=device).view(len(rows), width)
