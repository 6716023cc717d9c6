"""Ask a judge that is a language model in a folder, through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metrics.annotators.encoders import require_packages
from metrics.errors import InputError
from metrics.judges.asking import Decoding, Unanswered
from metrics.judges.green import render_green_chat
from metrics.judges.prompts import Message
from metrics.judges.settings import JudgeSettings

_GREEN_LENGTH = 2048
"""Most tokens of GREEN's prompt and answer together, as published."""
_DTYPES = ("auto", "float32", "bfloat16", "float16")


class LocalModel:
    """A causal language model of transformers' own, greedy unless it is asked again.

    Raises
    ------
    InputError
        If the files are damaged, of a kind that needs code from a hub, or without a chat template.
    MissingError
        If torch or transformers is not installed.
    """

    def __init__(self, folder: Path, settings: JudgeSettings, green_chat: bool) -> None:
        require_packages()
        if settings.dtype not in _DTYPES:
            raise InputError(
                f"The judge's dtype is {settings.dtype!r}. Known: {', '.join(_DTYPES)}."
            )
        self._settings = settings
        self._green_chat = green_chat
        self._tokenizer, self._model = _load(folder, settings.dtype)
        if not green_chat and not self._tokenizer.chat_template:
            raise InputError(
                f"The judge in {folder} has no chat template, so it cannot be told how it is asked."
            )
        self._length = getattr(self._model.config, "max_position_embeddings", None)
        if green_chat:
            self._length = min(self._length or _GREEN_LENGTH, _GREEN_LENGTH)

    def ask(
        self, chats: Sequence[Sequence[Message]], attempt: int, json: bool
    ) -> list[str | Unanswered]:
        """Return an answer per chat, in batches of the settings' size."""
        prompts = [self._prompt(chat) for chat in chats]
        answers: list[str | Unanswered] = [
            Unanswered(f"The prompt is longer than the judge's {self._length} tokens.")
        ] * len(prompts)
        fitting = [i for i, ids in enumerate(prompts) if self._room(ids) > 0]
        # prompts of one length together: little padding
        fitting.sort(key=lambda i: len(prompts[i]))
        size = self._settings.batch_size
        for start in range(0, len(fitting), size):
            batch = fitting[start : start + size]
            texts = self._answer([prompts[i] for i in batch], attempt)
            for i, text in zip(batch, texts, strict=True):
                answers[i] = text
        return answers

    def _prompt(self, chat: Sequence[Message]) -> list[int]:
        tokenizer = self._tokenizer
        if self._green_chat:
            text = render_green_chat(chat[-1]["content"], tokenizer.eos_token)
            return list(tokenizer(text)["input_ids"])
        text = tokenizer.apply_chat_template(list(chat), tokenize=False, add_generation_prompt=True)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def _room(self, prompt: Sequence[int]) -> int:
        """Return how many tokens the answer may have."""
        most = self._settings.max_new_tokens
        return most if self._length is None else min(most, self._length - len(prompt))

    def _answer(self, prompts: Sequence[Sequence[int]], attempt: int) -> list[str]:
        import torch
        from transformers import GenerationConfig

        decoding = Decoding.of(self._settings, attempt)
        longest = max(map(len, prompts))
        end = self._model.generation_config.eos_token_id or self._tokenizer.eos_token_id
        padding = self._tokenizer.pad_token_id
        if padding is None:
            padding = self._tokenizer.eos_token_id
        sampled = {"do_sample": True, "temperature": decoding.temperature, "top_k": 0}
        config = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=min(self._room(prompt) for prompt in prompts),
            eos_token_id=end,
            pad_token_id=padding,
            **(sampled if decoding.temperature else {"do_sample": False}),
        )
        device = self._model.device
        rows = [[padding] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
        masks = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(decoding.seed or 0)
            written = self._model.generate(
                input_ids=torch.tensor(rows, device=device),
                attention_mask=torch.tensor(masks, device=device),
                generation_config=config,
            )
        texts: list[str] = self._tokenizer.batch_decode(
            written[:, longest:], skip_special_tokens=True
        )
        return texts


def _load(folder: Path, dtype: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from metrics.annotators.sources import best_device

    common = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **common)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **common)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"The judge in {folder} cannot be loaded: {str(error).splitlines()[0]} "
            "It must be a causal language model that transformers holds itself."
        ) from error
    return tokenizer, model.to(best_device())
