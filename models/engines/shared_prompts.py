"""A language model that runs several sequences per prompt and reads each prompt once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from models.engines.checks import prompt_name
from models.engines.engine import EnginePrompt
from models.engines.prompt_cache import PromptCache
from models.errors import InputError

ATTENTION = "cxr_harness_shared_prompts"
_PREFILL_TOKENS = 2048  # one real prompt (about 1,400 tokens) at a time needs no mask
# A matrix product of 8 to 15 rows takes a quarter longer than one of 16 (MKL, AVX-512): ten beams
# of one study get spare rows.
_FEW_ROWS, _FULL_ROWS = range(8, 16), 16


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    prompt_cache: PromptCache,
    sliding_window: int | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attend as transformers' eager attention does, with the prompts' keys kept in the cache.

    transformers calls this once per layer; ``prompt_cache`` reaches it through the model's keyword
    arguments. Padding and windows are the cache's affair: no mask is built for a custom attention.
    """
    for name in ("softcap", "s_aux"):
        if options.get(name) is not None:
            raise InputError(
                f'The model\'s attention uses "{name}", which the transformers engine does not '
                "compute. Take a model of the Llama, Mistral, Phi-3, Gemma or Qwen2/3 families."
            )
    index: int = module.layer_idx  # type: ignore[assignment]
    return prompt_cache.attend(index, query, key, value, scaling, sliding_window), None


AttentionInterface.register(ATTENTION, attend)


class SharedPrompts:
    """One batch of prompts in a language model: prefilled once, then decoded step by step.

    Parameters
    ----------
    language_model
        A ``*ForCausalLM`` of transformers. Its attention is switched during each forward pass and
        switched back after it.
    prompts
        The batch. Sequences are numbered study by study.
    sequences
        K, how many sequences are decoded per prompt.
    """

    def __init__(
        self, language_model: Any, prompts: Sequence[EnginePrompt], sequences: int
    ) -> None:
        weight = language_model.get_input_embeddings().weight
        self.device: torch.device = weight.device
        self._dtype = weight.dtype if weight.dtype.is_floating_point else language_model.dtype
        self._model = language_model
        self._prompts = list(prompts)
        self._steps = 0
        lengths = [len(prompt.embeddings) for prompt in prompts]
        self.cache = PromptCache(lengths, sequences, self.device)

    def prefill(self) -> Tensor:
        """Return the logits ``[B, V]`` (float32) after each prompt."""
        parts = []
        for rows in self._prefill_groups():
            self.cache.begin_prompts(rows)
            prompts = self._prompts[rows]
            width = max(len(prompt.embeddings) for prompt in prompts)
            embeddings = torch.stack([self._padded(prompt, width) for prompt in prompts])
            positions = self.cache.positions[rows, -width:].clamp(min=0)
            parts.append(self._logits(inputs_embeds=embeddings, position_ids=positions))
        layers = self._model.config.get_text_config().num_hidden_layers
        if self.cache.n_layers != layers:
            raise InputError(
                f"{type(self._model).__name__} uses transformers' attention interface in "
                f"{self.cache.n_layers} of {layers} layers only, so the transformers engine cannot "
                "run it. Take a model of the Llama, Mistral, Phi-3, Gemma or Qwen2/3 families."
            )
        logits = torch.cat(parts)
        self._check_finite(logits)
        return logits

    def step(self, tokens: Tensor) -> Tensor:
        """Add a token to every sequence, ``[B, K]``; return the next logits ``[B, K, V]``."""
        self.cache.begin_step()
        self._steps += 1
        positions = self.cache.shared + self.cache.own - 1
        count = tokens.numel()
        spare = _FULL_ROWS - count if self.device.type == "cpu" and count in _FEW_ROWS else 0
        rows = nn.functional.pad(tokens.flatten(), (0, spare))
        positions = positions.repeat_interleave(self.cache.sequences)
        positions = nn.functional.pad(positions, (0, spare))
        logits = self._logits(input_ids=rows[:, None], position_ids=positions[:, None])
        logits = logits[:count].view(*tokens.shape, -1)
        self._check_finite(logits)
        return logits

    def keep(self, studies: Tensor) -> None:
        """Drop all studies but these (numbers, ascending)."""
        self.cache.keep(studies)
        self._prompts = [self._prompts[study] for study in studies.tolist()]

    def _prefill_groups(self) -> Iterator[slice]:
        start, widest = 0, 0
        for number, prompt in enumerate(self._prompts):
            widest = max(widest, len(prompt.embeddings))
            if number > start and widest * (number - start + 1) > _PREFILL_TOKENS:
                yield slice(start, number)
                start, widest = number, len(prompt.embeddings)
        yield slice(start, len(self._prompts))

    def _padded(self, prompt: EnginePrompt, width: int) -> Tensor:
        embeddings = prompt.embeddings.to(self.device, self._dtype)
        return nn.functional.pad(embeddings, (0, 0, width - len(embeddings), 0))

    def _logits(self, **inputs: Tensor) -> Tensor:
        with _attention_of(self._model):
            output = self._model(
                **inputs, use_cache=False, logits_to_keep=1, prompt_cache=self.cache
            )
        logits: Tensor = output.logits[:, -1].to(self.device, torch.float32)
        return logits

    def _check_finite(self, logits: Tensor) -> None:
        finite = logits.flatten(1).sum(dim=1).isfinite()  # one pass: any NaN or infinity stays
        if not bool(finite.all()):
            names = [prompt_name(self._prompts[one]) for one in (~finite).nonzero().flatten()]
            raise InputError(
                f"The language model's logits are not finite ({', '.join(names)}) "
                f"after {self._steps} new tokens. Check the weights, or load the model "
                "in a wider type (dtype float32 or bfloat16)."
            )


@contextmanager
def _attention_of(language_model: Any) -> Iterator[None]:
    """Switch the attention for one forward pass, so that nobody else meets ours."""
    before = language_model.config._attn_implementation
    language_model.config._attn_implementation = ATTENTION
    try:
        yield
    finally:
        language_model.config._attn_implementation = before
