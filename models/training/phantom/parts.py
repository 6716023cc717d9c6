"""The parts of a small model, untrained: tower, projector, language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.libra.projectors import Projector, TemporalAlignmentConnector, build_projector
from models.libra.tower import VisionTower
from models.training.phantom.recipe import LanguageShape, Recipe, TowerShape

if TYPE_CHECKING:
    from transformers import Dinov2Model, LlamaForCausalLM

CONTEXT_LENGTH = 512
"""The most tokens, patches among them, that a small language model is made for."""
_POSITION_SCALE = 0.3
_CHANCE = 0.1  # what is left of a random start beside a chosen one
_LIKENESS = 2.0  # how strongly a patch attends to one like itself at first
_PRIOR_BIAS = 3.0  # added to a prior as far as it is like the current image
_PATCHES_FROM = 600  # images that the patch statistics are taken from


@dataclass
class Parts:
    """A model in the making."""

    tower: Dinov2Model
    projector: Projector
    language_model: LlamaForCausalLM

    def named(self) -> dict[str, nn.Module]:
        """Return the parts under the names that recipes give them."""
        return {
            "tower": self.tower,
            "projector": self.projector,
            "language_model": self.language_model,
        }


def build_parts(recipe: Recipe, vocabulary: int) -> Parts:
    """Return untrained parts of a recipe's sizes; raises InputError if they do not fit.

    A connector's dropout is off: so small a model underfits anyway.
    """
    tower = build_dinov2(recipe.tower)
    language_model = build_llama(recipe.language_model, vocabulary)
    layers = recipe.tower.layers if recipe.reads_prior else 1
    projector = build_projector(
        recipe.projector,
        recipe.tower.width,
        recipe.language_model.width,
        recipe.language_model.heads,
        layers,
    )
    for module in projector.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return Parts(tower, projector, language_model)


def build_dinov2(shape: TowerShape) -> Dinov2Model:
    """Return an untrained Dinov2 of this shape."""
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        mlp_ratio=shape.mlp_ratio,
        patch_size=shape.patch_size,
        image_size=shape.image_size,
        layerscale_value=shape.layer_scale,
    )
    tower = Dinov2Model(config)
    tower.set_attn_implementation("eager")  # the fastest for so few patches
    return tower


def build_llama(shape: LanguageShape, vocabulary: int) -> LlamaForCausalLM:
    """Return an untrained LLaMA of this shape; token ids as `build_tokenizer` gives them."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        vocab_size=vocabulary,
        max_position_embeddings=CONTEXT_LENGTH,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config)


def tower_as_read(parts: Parts, recipe: Recipe) -> VisionTower:
    """Return the tower as the projector reads it: all layers for TAC, else the last one."""
    return VisionTower(parts.tower, "all" if recipe.reads_prior else -1, "patch")


@torch.no_grad()
def whiten_patches(tower: Dinov2Model, pixels: Tensor) -> None:
    """Start the patch embedding from the principal components of patches, at scale 1.

    What a patch holds is mostly its mean; the rest, where small findings are, is far weaker and
    would take long to be learned from. Position codes start large enough to be heard beside it.

    Parameters
    ----------
    tower
        An untrained tower.
    pixels
        Preprocessed images ``[images, 3, S, S]`` whose channels are equal.
    """
    embeddings: Any = tower.embeddings
    projection = embeddings.patch_embeddings.projection
    side = projection.kernel_size[0]
    grey = pixels[:_PATCHES_FROM, 0].float()
    patches = grey.unfold(1, side, side).unfold(2, side, side).reshape(-1, side * side)
    mean = patches.mean(0)
    _, scale, axes = torch.linalg.svd(patches - mean, full_matrices=False)
    kept = min(projection.out_channels, side * side)
    spread = (scale[:kept] / len(patches) ** 0.5).clamp(min=1e-3)
    rows = axes[:kept] / spread[:, None]
    channels = projection.in_channels
    projection.weight.zero_()
    projection.bias.zero_()
    projection.weight[:kept] = (rows / channels).view(kept, 1, side, side)
    projection.bias[:kept] = -(rows @ mean)
    embeddings.position_embeddings.normal_(0.0, _POSITION_SCALE)


@torch.no_grad()
def start_projector(connector: Projector, features: Tensor) -> None:
    """Start a TAC from the sum of all layers at scale 1, comparing like with like.

    Left to chance, its fusion of layers makes features a hundred times smaller than what the
    other branches add, its attention to the prior begins far from the patch in question, and its
    bias, which tells a dummy prior from a real one that looks much the same, is 0.

    Parameters
    ----------
    connector
        An untrained projector; one that is no TAC stays as it is.
    features
        The tower's, ``[images, layers, patches, width]``, some of those to be learned from.
    """
    if not isinstance(connector, TemporalAlignmentConnector):
        return
    fusion: Any = connector.LFE
    for convolution in (fusion[1], fusion[3]):
        rows, columns = convolution.weight.shape[:2]
        pairs = torch.eye(rows).repeat_interleave(columns // rows, 1)
        convolution.weight.mul_(_CHANCE).add_(pairs[:, :, None, None])
    last = fusion[5].weight
    last.mul_(_CHANCE)[:, -1] += 1
    last.div_(connector.fuse(features.float()).square().mean().sqrt())
    connector.LFE_prior_bias.fill_(_PRIOR_BIAS)
    width = connector.cros_attention.embed_dim
    connector.cros_attention.in_proj_weight[: 2 * width] = _LIKENESS * torch.eye(width).repeat(2, 1)
