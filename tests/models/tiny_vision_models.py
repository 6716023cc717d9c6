"""Tiny vision-language models with random weights, in transformers' own layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessorPil,
    Gemma3Processor,
    Gemma3TextConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    SiglipVisionConfig,
)

_SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]
_TEMPLATE = (
    "{% for m in messages %}[{{ m['role'] }}] {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}IMAGE{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %} | {% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)
_TEXT: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    # wide, so that random weights give texts that differ
    "initializer_range": 0.6,
}
_VISION: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}


def save_llava(folder: Path, seed: int = 0) -> Path:
    """Save a LLaVA of 16 patches an image."""
    tokenizer = _tokenizer({"image_token": "<image>"})
    pixels = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    processor = LlavaProcessor(
        image_processor=pixels,
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_TEMPLATE.replace("IMAGE", "<image>"),
    )
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**_VISION),
        text_config=LlamaConfig(vocab_size=len(tokenizer), **_TEXT),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )
    torch.manual_seed(seed)
    return _save(LlavaForConditionalGeneration(config), processor, folder)


def save_gemma3(folder: Path, seed: int = 0) -> Path:
    """Save a Gemma 3, the class of MedGemma, of 4 tokens an image."""
    names = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    tokenizer = _tokenizer(names)
    pixels = Gemma3ImageProcessorPil(size={"height": 32, "width": 32}, do_pan_and_scan=False)
    processor = Gemma3Processor(
        image_processor=pixels,
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=_TEMPLATE.replace("IMAGE", "<start_of_image>"),
    )
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()}
    text = Gemma3TextConfig(
        vocab_size=len(tokenizer), head_dim=8, query_pre_attn_scalar=8, sliding_window=64, **_TEXT
    )
    config = Gemma3Config(
        text_config=text,
        vision_config=SiglipVisionConfig(**_VISION),
        mm_tokens_per_image=4,
        boi_token_index=ids["boi_token"],
        eoi_token_index=ids["eoi_token"],
        image_token_index=ids["image_token"],
        # tied, these weights would repeat the prompt's last letter for ever
        tie_word_embeddings=False,
    )
    torch.manual_seed(seed)
    return _save(Gemma3ForConditionalGeneration(config), processor, folder)


def save_qwen2_vl(folder: Path, seed: int = 0) -> Path:
    """Save a Qwen2-VL of at most 4 tokens an image; its processor reads videos where it can."""
    names = {
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "vision_start_token": "<|vision_start|>",
        "vision_end_token": "<|vision_end|>",
    }
    tokenizer = _tokenizer(names)
    shown = "<|vision_start|><|image_pad|><|vision_end|>"
    tokenizer.chat_template = _TEMPLATE.replace("IMAGE", shown)
    ids = {f"{n}_id": tokenizer.convert_tokens_to_ids(token) for n, token in names.items()}
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4}
    config = Qwen2VLConfig(
        text_config={"vocab_size": len(tokenizer), "rope_parameters": rope, **_TEXT},
        vision_config={
            "depth": 2, "embed_dim": 32, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 2,
            "initializer_range": 0.6,
        },
        **ids,
    )  # fmt: skip
    torch.manual_seed(seed)
    _save(Qwen2VLForConditionalGeneration(config), tokenizer, folder)
    pixels = Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=4 * 28 * 28)
    # in the two files of the published checkpoints
    pixels.save_pretrained(folder)
    file = folder / "preprocessor_config.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps({**settings, "processor_class": "Qwen2VLProcessor"}))
    return folder


def _save(model: Any, processor: Any, folder: Path) -> Path:
    # a recommendation that must not take effect
    model.generation_config.update(do_sample=True, temperature=5.0, repetition_penalty=3.0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _tokenizer(special: dict[str, str]) -> PreTrainedTokenizerFast:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*_SPECIAL, *letters])}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = ("pad_token", "bos_token", "eos_token", "unk_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        extra_special_tokens=special,
        **dict(zip(names, _SPECIAL, strict=True)),
    )
