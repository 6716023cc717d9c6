"""What a model, a prompt and decoding settings must fulfil before any work is done."""

from __future__ import annotations

import math
from typing import Any

from models.engines.engine import Decoding, EnginePrompt
from models.errors import InputError

_MOST = math.log(1e28)
"""What the scores of beams, down to -1e9, can be multiplied by in float32."""


def check_model(language_model: Any) -> None:
    """Raise InputError if the language model's attention is not one the engine computes."""
    config = language_model.config.get_text_config()
    if getattr(config, "attn_logit_softcapping", None) is not None:
        problem = "caps its attention scores (attn_logit_softcapping)"
    elif getattr(language_model, "_supports_attention_backend", True) is False:
        problem = "does not use transformers' attention interface"
    else:
        return
    raise InputError(
        f"{type(language_model).__name__} {problem}, so the transformers engine cannot run it. "
        "Take a model of the Llama, Mistral, Phi-3, Gemma or Qwen2/3 families."
    )


def check_decoding(decoding: Decoding) -> None:
    """Raise InputError where settings contradict each other or leave their range."""
    if min(decoding.num_beams, decoding.num_return_sequences, decoding.max_new_tokens) < 1:
        raise InputError("num_beams, num_return_sequences and max_new_tokens start at 1.")
    if decoding.no_repeat_ngram_size < 0:
        raise InputError(
            f"no_repeat_ngram_size {decoding.no_repeat_ngram_size} is negative: 0 bans nothing."
        )
    if decoding.num_beams > 1 and decoding.num_return_sequences > decoding.num_beams:
        raise InputError(
            f"num_return_sequences {decoding.num_return_sequences} is more than num_beams "
            f"{decoding.num_beams}. Raise num_beams or ask for fewer sequences."
        )
    _check_length_penalty(decoding)
    if decoding.num_beams > 1:
        return
    if not 0 <= decoding.temperature < math.inf:
        what = "negative" if decoding.temperature < 0 else "no finite number"
        raise InputError(f"temperature {decoding.temperature} is {what}: 0 is greedy.")
    if decoding.temperature == 0 and decoding.num_return_sequences > 1:
        raise InputError(
            f"num_return_sequences {decoding.num_return_sequences} with temperature 0 and one beam "
            "would be the same text. Set a temperature or num_beams."
        )
    if decoding.top_p is not None and not 0 < decoding.top_p <= 1:
        raise InputError(f"top_p {decoding.top_p} is outside (0, 1].")


def _check_length_penalty(decoding: Decoding) -> None:
    penalty = decoding.length_penalty
    if not math.isfinite(penalty):
        raise InputError(f"length_penalty {penalty} is no finite number: 1 scores beams by token.")
    if abs(penalty) * math.log(decoding.max_new_tokens) > _MOST:
        raise InputError(
            f"length_penalty {penalty} makes the scores of {decoding.max_new_tokens} tokens leave "
            "the range of float32. Published settings are 1 and 2."
        )


def prompt_name(prompt: EnginePrompt) -> str:
    """Return what messages call a prompt: its key, if it has one."""
    return f'Prompt "{prompt.key}"' if prompt.key else "The prompt"


def check_prompt(language_model: Any, prompt: EnginePrompt, max_new_tokens: int) -> None:
    """Raise InputError for a prompt that the language model cannot read."""
    config = language_model.config.get_text_config()
    length, width = prompt.embeddings.shape
    where = prompt_name(prompt)
    if not length:
        raise InputError(f"{where} is empty. Give at least one token.")
    if width != config.hidden_size:
        raise InputError(
            f"{where} has {width} numbers per token, the language model {config.hidden_size}. "
            "Take the projector that was trained with it."
        )
    limit = getattr(config, "max_position_embeddings", None)
    if limit is not None and length > limit:
        raise InputError(
            f"{where} has {length} tokens, the language model {limit} positions. Shorten the "
            "prompt (its indication or history)."
        )
    switch = _rotary_switch(config)
    if switch is not None and length + max_new_tokens > switch:
        raise InputError(
            f"{where} has {length} tokens and may grow by {max_new_tokens}: beyond {switch} this "
            "model's rotary embedding changes for all tokens, which shared prompts cannot follow. "
            f"Set max_new_tokens to at most {switch - length}, or shorten the prompt."
        )


def _rotary_switch(config: Any) -> int | None:
    """Length from which on the frequencies of "longrope" and "dynamic" depend on the length."""
    rotary = getattr(config, "rope_parameters", None) or {}
    kind = rotary.get("rope_type")
    if kind not in ("longrope", "dynamic"):
        return None
    original = rotary.get("original_max_position_embeddings")
    return int(original or config.max_position_embeddings)
