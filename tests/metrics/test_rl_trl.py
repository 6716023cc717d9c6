"""A run of TRL's GRPO trainer on metrics as rewards, at toy size."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from metrics.rl import reward_function

WORDS = (
    *("the", "heart", "lungs", "are", "is", "clear", "no", "effusion", "pneumothorax", "left"),
    *("right", "normal", ".", "</s>"),
)
REFERENCES = (
    "no effusion .",
    "the lungs are clear .",
    "the heart is normal .",
    "no pneumothorax .",
)
CHAT = "{% for m in messages %}{{ m['content'] }} {% endfor %}"


def _tokenizer() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="</s>"))
    words.pre_tokenizer = WhitespaceSplit()
    made = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", pad_token="</s>")
    made.chat_template = CHAT
    return made


def _model() -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, eos_token_id=len(WORDS) - 1,
        pad_token_id=len(WORDS) - 1,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def _prompts(conversational: bool) -> list[Any]:
    texts = ["the lungs"] * len(REFERENCES)
    return [[{"role": "user", "content": t}] for t in texts] if conversational else texts


@pytest.mark.slow
@pytest.mark.parametrize("conversational", [False, True])
def test_grpo_trains_on_two_metrics(tmp_path: Path, conversational: bool) -> None:
    pytest.importorskip("trl", reason="trl is not installed: pip install 'cxr-harness[rl]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other packages deprecate is not tested here
        from datasets import Dataset
        from trl import GRPOConfig, GRPOTrainer

        rows = {"prompt": _prompts(conversational), "references": list(REFERENCES)}
        settings = GRPOConfig(
            output_dir=str(tmp_path), max_steps=3, per_device_train_batch_size=4, num_generations=2,
            max_completion_length=6, report_to=[], logging_steps=1, use_cpu=True, seed=0,
            save_strategy="no", learning_rate=1e-3,
        )  # fmt: skip
        rewards = [reward_function("rougeL"), reward_function("meteor")]
        trainer = GRPOTrainer(
            model=_model(), reward_funcs=rewards, args=settings, processing_class=_tokenizer(),
            train_dataset=Dataset.from_dict(rows),
        )  # fmt: skip
        before = {k: v.clone() for k, v in trainer.model.state_dict().items()}
        trainer.train()
    steps = [one for one in trainer.state.log_history if "rewards/rougeL/mean" in one]
    assert 3 == len(steps)
    assert all(0 <= one["rewards/meteor/mean"] <= 1 for one in steps)
    assert any(one["rewards/rougeL/mean"] > 0 for one in steps)
    assert any((before[k] != v).any() for k, v in trainer.model.state_dict().items())
