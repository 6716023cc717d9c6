"""Tiny random language models of each family, and transformers' own generation as the oracle."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import transformers

from models.engines.engine import Decoding, EnginePrompt, GeneratedSequence
from tests.models.random_models import language_model, unscale_embeddings

FAMILIES = ["Llama", "Mistral", "Phi3", "Gemma", "Qwen2", "Qwen3"]
STOP_IDS = (5, 6)
VOCABULARY = 41

_OWN = {
    "Mistral": {"sliding_window": 9},
    "Phi3": {"sliding_window": 20},
    "Gemma": {"head_dim": 8},
    "Qwen2": {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1},
    "Qwen3": {"head_dim": 16},
}


@cache
def tiny_model(family: str) -> Any:
    """A model whose greedy and beam outputs vary, with sliding windows shorter than the prompts."""
    model = language_model(
        family,
        vocab_size=VOCABULARY,
        num_key_value_heads=1 if family == "Gemma" else 2,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=STOP_IDS[0],
        **_OWN.get(family, {}),
    )
    return unscale_embeddings(model) if family == "Gemma" else model


def prompts_of(model: Any, *lengths: int) -> list[EnginePrompt]:
    """Random prompts with an image marker; embeddings are not those of any ids."""
    generator = torch.Generator().manual_seed(sum(lengths))
    prompts = []
    for number, length in enumerate(lengths):
        ids = torch.randint(7, VOCABULARY, (length,), generator=generator).tolist()
        scale = float(model.get_input_embeddings().weight.std())
        embeddings = torch.randn(length + 3, 32, generator=generator) * scale
        ids[length // 2 : length // 2] = [-200]
        prompts.append(EnginePrompt(ids, embeddings, f"study {number}"))
    return prompts


class _PromptNgrams(transformers.LogitsProcessor):
    """transformers' own processor on the prompt's ids and the new ones."""

    def __init__(self, size: int, prompt_ids: list[int]) -> None:
        self.inner = transformers.NoRepeatNGramLogitsProcessor(size)
        self.prompt_ids = torch.tensor([prompt_ids])

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        whole = torch.cat([self.prompt_ids.expand(len(input_ids), -1), input_ids], dim=1)
        # The image's -200 becomes an id of its own, past the vocabulary, and is cut off again.
        whole = torch.where(whole < 0, VOCABULARY, whole)
        padded = torch.nn.functional.pad(scores, (0, 1))
        return self.inner(whole, padded)[:, :VOCABULARY]


def by_transformers(
    model: Any, prompt: EnginePrompt, decoding: Decoding, stop_ids: tuple[int, ...] = STOP_IDS
) -> list[GeneratedSequence]:
    """Generate for one study with the installed transformers."""
    beams = {"length_penalty": decoding.length_penalty} if decoding.num_beams > 1 else {}
    size = decoding.no_repeat_ngram_size
    processors = [_PromptNgrams(size, list(prompt.ids))] if size else []
    output = model.generate(
        inputs_embeds=prompt.embeddings[None],
        attention_mask=torch.ones(1, len(prompt.embeddings), dtype=torch.long),
        do_sample=False,
        num_beams=decoding.num_beams,
        num_return_sequences=decoding.num_return_sequences,
        max_new_tokens=decoding.max_new_tokens,
        eos_token_id=list(stop_ids),
        pad_token_id=0,
        logits_processor=processors,
        return_dict_in_generate=True,
        output_scores=True,
        **beams,
    )
    found = []
    for number, row in enumerate(output.sequences.tolist()):
        length = next((i + 1 for i, token in enumerate(row) if token in stop_ids), len(row))
        score = float(output.sequences_scores[number]) if beams else None
        reason = "stop" if row[length - 1] in stop_ids else "length"
        found.append(GeneratedSequence(row[:length], reason, score))
    return found
