"""A tokenizer of a model's own words, and what the tokens of its reports weigh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from metrics.temporal.keywords import positions
from models.libra import prompts
from models.libra.prompts import IMAGE_TOKEN_INDEX
from models.libra.templates import DEFAULT, find
from models.training.phantom.parts import CONTEXT_LENGTH

IGNORED = -100
"""The label of tokens that nothing is learned from."""
PAD, BEGIN, END = "<unk>", "<s>", "</s>"
_LEAST_PAIRS = 20  # a pair of tokens seen less often is not joined


def build_tokenizer(reports: Sequence[str], vocabulary: int) -> Any:
    """Return a byte-level BPE tokenizer, with sentences of the prompt as tokens of their own.

    It has at most ``vocabulary`` tokens, of which 261 are bytes, marks and those sentences.
    It writes any text and its inverse is exact. ``<s>`` stands before every text, as LLaMA's
    tokenizers do it.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    sentences = (find(DEFAULT).system, prompts.FINDINGS_QUESTION)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(sentences),
        min_frequency=_LEAST_PAIRS,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([f" {report}" for report in reports], trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in sentences])
    tokenizer.post_processor = TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))]
    )
    fast: Any = PreTrainedTokenizerFast
    return fast(
        tokenizer_object=tokenizer,
        unk_token=PAD,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        padding_side="right",
        model_max_length=CONTEXT_LENGTH,
        clean_up_tokenization_spaces=False,
    )


@dataclass(frozen=True, eq=False)
class TokenizedReports:
    """Ids of reports, padded, and the prompt that stands before each of them.

    ``before`` and ``after`` are the prompt's ids on both sides of the image. ``ids`` and
    ``labels`` are ``[reports, longest]``; ``temporal`` says which tokens belong to words of change.
    """

    before: list[int]
    after: list[int]
    ids: Tensor
    labels: Tensor
    temporal: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the number of tokens of each report."""
        return (self.labels != IGNORED).sum(1)


def tokenize_reports(tokenizer: Any, reports: Sequence[str]) -> TokenizedReports:
    """Return reports as the model is to write them, after the prompt that asks for findings."""
    question = prompts.image_question(prompts.FINDINGS_QUESTION)
    prompt = prompts.render(DEFAULT, [("user", question), ("assistant", None)])
    ids = prompts.tokenize(prompt, tokenizer)
    image = ids.index(IMAGE_TOKEN_INDEX)
    rows = [_row(tokenizer, f" {report}") for report in reports]
    longest = max(len(row) for row, _ in rows)
    padded = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full_like(padded, IGNORED)
    temporal = torch.zeros_like(padded, dtype=torch.bool)
    for place, (row, of_change) in enumerate(rows):
        padded[place, : len(row)] = labels[place, : len(row)] = torch.tensor(row)
        temporal[place, : len(row)] = torch.tensor(of_change)
    return TokenizedReports(ids[:image], ids[image + 1 :], padded, labels, temporal)


def slots_of(tokenizer: Any, statements: Sequence[Sequence[str]]) -> Tensor:
    """Return the ids of findings in words, ``[studies, findings, words]``, padded with -1."""
    ids = [
        [tokenizer(f" {one}", add_special_tokens=False)["input_ids"] for one in study]
        for study in statements
    ]
    most = max([len(study) for study in ids] + [1])
    longest = max([len(words) for study in ids for words in study] + [1])
    slots = torch.full((len(ids), most, longest), -1)
    for place, study in enumerate(ids):
        for number, words in enumerate(study):
            slots[place, number, : len(words)] = torch.tensor(words)
    return slots


def _row(tokenizer: Any, text: str) -> tuple[list[int], list[bool]]:
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    words = [(start, end) for start, end, _ in positions(text)]
    of_change = [
        any(start < end_of_word and end > start_of_word for start_of_word, end_of_word in words)
        for start, end in encoded["offset_mapping"]
    ]
    return [*encoded["input_ids"], tokenizer.eos_token_id], [*of_change, False]
