"""A model shaped like Libra, scaled to two cores, with random weights; and its studies.

Twelve transformer layers over 37 x 37 patches of two 518 x 518 images, the temporal alignment
connector, and a LLaMA. What it says means nothing; how long it takes to say it does not depend on
that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.engines.engine import EnginePrompt

IMAGE_SIZE, PATCH_SIZE = 518, 14
PATCHES = (IMAGE_SIZE // PATCH_SIZE) ** 2


@dataclass(frozen=True)
class Shape:
    """Sizes of the two transformers; ``name`` is what the table calls them."""

    name: str
    vision_width: int
    vision_heads: int
    width: int
    layers: int
    heads: int
    key_value_heads: int
    intermediate: int
    vocabulary: int


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("small", 384, 6, 512, 8, 8, 8, 1376, 32_000),
        Shape("3B", 768, 12, 3072, 28, 24, 8, 8192, 128_256),
        Shape("7B", 768, 12, 4096, 32, 32, 32, 11_008, 32_000),
    )
}


class SmallLibra(nn.Module):
    """A vision tower, the connector and a language model."""

    def __init__(self, shape: Shape) -> None:
        from transformers import Dinov2Config, Dinov2Model, LlamaConfig, LlamaForCausalLM

        from models.libra.projectors import TemporalAlignmentConnector

        super().__init__()
        self.shape = shape
        vision = Dinov2Config(
            hidden_size=shape.vision_width,
            num_attention_heads=shape.vision_heads,
            image_size=IMAGE_SIZE,
            patch_size=PATCH_SIZE,
        )
        language = LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            intermediate_size=shape.intermediate,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.key_value_heads,
            eos_token_id=None,
            pad_token_id=0,
        )
        self.tower = Dinov2Model(vision)
        heads = shape.heads if shape.vision_width % shape.heads == 0 else shape.vision_heads
        self.connector = TemporalAlignmentConnector(shape.vision_width, shape.width, heads)
        self.language_model: Any = LlamaForCausalLM(language)
        self.eval()
        # The head is drawn wide, so that beams are apart and rounding cannot swap them.
        nn.init.normal_(self.language_model.lm_head.weight, std=0.3)

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """Return embeddings ``[n, patches, width]`` of images ``[n, 2, 3, S, S]``."""
        found = self.tower(images.flatten(0, 1), output_hidden_states=True)
        layers = torch.stack([hidden[:, 1:] for hidden in found.hidden_states[1:]], dim=1)
        layers = layers.reshape(len(images), 2, *layers.shape[1:])
        embeddings: Tensor = self.connector(layers[:, 0], layers[:, 1])
        return embeddings


@dataclass(frozen=True)
class Study:
    """Current and prior image ``[2, 3, S, S]``, and the ids before and after them."""

    key: str
    images: Tensor
    before: Sequence[int]
    after: Sequence[int]

    @torch.inference_mode()
    def prompt(self, model: SmallLibra, image: Tensor) -> EnginePrompt:
        """Return the prompt with an encoded image spliced in."""
        embed = model.language_model.get_input_embeddings()
        parts = [embed(torch.tensor(ids, device=image.device)) for ids in (self.before, self.after)]
        return EnginePrompt([-200], torch.cat([parts[0], image, parts[1]]), self.key)


def make_studies(shape: Shape, count: int, seed: int) -> list[Study]:
    """Return studies with prompts of about 1,390 tokens, no two of one length."""
    generator = torch.Generator().manual_seed(seed)
    studies = []
    for number in range(count):
        ids = torch.randint(3, shape.vocabulary, (18 + number,), generator=generator).tolist()
        images = torch.randn(2, 3, IMAGE_SIZE, IMAGE_SIZE, generator=generator)
        studies.append(Study(f"{seed}/{number}", images, ids[:8], ids[8:]))
    return studies
