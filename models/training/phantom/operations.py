"""How many operations training takes: two for each number that a matrix product multiplies.

A product costs the same again for the gradient of its input, where a gradient must flow through
it, and once more for the gradient of its matrix, where that is trained. So a frozen language
model behind a projector that learns still costs two thirds of one that learns itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from models.libra.projectors import ImageProjector, Projector, TemporalAlignmentConnector
from models.training.phantom.parts import Parts
from models.training.phantom.recipe import Stage
from models.training.phantom.targets import LesionHead
from models.training.phantom.tasks import projector_head


@dataclass(frozen=True)
class Operations:
    """Operations of the forward pass, of the gradients of inputs, and of those of matrices."""

    forward: float = 0.0
    inputs: float = 0.0
    matrices: float = 0.0

    def __add__(self, other: Operations) -> Operations:
        """Return the operations of both."""
        return Operations(
            self.forward + other.forward, self.inputs + other.inputs, self.matrices + other.matrices
        )

    @property
    def total(self) -> float:
        """The operations of both passes."""
        return self.forward + self.inputs + self.matrices


@dataclass(frozen=True)
class Example:
    """What a language model reads with an image: tokens around it, and tokens of the report."""

    prompt: int
    report: int


def operations_of(
    stage: Stage, parts: Parts, sites: int, rank: int, example: Example
) -> Operations:
    """Return what one example costs in a stage, both passes.

    The optimiser, norms, activations and losses are left out. Attention is counted in full,
    though half of it is masked in a language model.

    Parameters
    ----------
    stage
        What is learned and trained.
    parts
        The model, on any device (``meta`` will do).
    sites
        How many findings the auxiliary targets tell of.
    rank
        Of the LoRA adapters, for a stage that trains them.
    example
        How long the texts are.
    """
    patches = _patches(parts.tower)
    if stage.learns == "lesions":
        trained = "tower" in stage.trains
        reader = LesionHead(parts.tower.config.hidden_size, sites)
        return tower_operations(parts.tower, trained) + _head(reader, patches)
    language_model = _language_model(parts.language_model, stage, rank, example, patches)
    if stage.learns == "wording":
        return language_model
    trained = "projector" in stage.trains
    head = projector_head(parts.projector, parts.language_model.config.hidden_size, sites)
    seen = _projector(parts.projector, patches, trained) + _head(head, patches)
    return seen if stage.learns == "changes" else seen + language_model


def tower_operations(tower: Any, trained: bool) -> Operations:
    """Return what one image costs in a tower: both passes, or the forward pass alone."""
    config = tower.config
    patches = _patches(tower)
    embedding = tower.embeddings.patch_embeddings.projection.weight.numel()
    width = config.hidden_size * config.num_hidden_layers
    return (
        _product(embedding, patches, flows=False, trained=trained)
        + _product(_numbers(tower.encoder), patches + 1, flows=trained, trained=trained)
        + _attention(patches + 1, patches + 1, width, flows=trained)
    )


def adapter_parameters(language_model: Any, rank: int) -> int:
    """Return how many numbers LoRA adapters of this rank learn, on all matrices of the blocks."""
    return rank * sum(sum(matrix.shape) for matrix in _matrices(language_model.model))


def _projector(projector: Projector, patches: int, trained: bool) -> Operations:
    numbers = _numbers(projector)
    if isinstance(projector, TemporalAlignmentConnector):
        width = projector.cros_attention.embed_dim
        fusion: Any = projector.LFE
        fused = sum(fusion[place].weight.numel() for place in (1, 3, 5))
        return (
            _product(fused, 2 * patches * width, flows=trained, trained=trained)
            + _product(numbers, patches, flows=trained, trained=trained)
            # a learned key and value stand beside those of the patches
            + _attention(patches, patches + 1, 3 * width, flows=trained)
        )
    first = _first_matrix(projector)
    return _product(first, patches, flows=False, trained=trained) + _product(
        numbers - first, patches, flows=trained, trained=trained
    )


def _first_matrix(projector: ImageProjector) -> int:
    return next(matrix.numel() for matrix in _matrices(projector))


def _language_model(
    model: Any, stage: Stage, rank: int, example: Example, patches: int
) -> Operations:
    width = model.config.num_hidden_layers * model.config.hidden_size
    tokens = example.prompt + patches + example.report - 1
    trained, adapted = "language_model" in stage.trains, "lora" in stage.trains
    from_input = trained or "projector" in stage.trains
    flows = from_input or adapted
    found = (
        _product(_numbers(model.model), tokens, flows=flows, trained=trained)
        + _product(model.lm_head.weight.numel(), example.report, flows=flows, trained=trained)
        + _attention(tokens, tokens, width, flows=flows)
    )
    if not adapted:
        return found
    adapters = adapter_parameters(model, rank)
    found += _product(adapters, tokens, flows=True, trained=True)
    if from_input:
        return found
    # nothing before the first adapters learns, so their inputs need no gradient
    attention = model.model.layers[0].self_attn
    first = [attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight]
    spared = sum(weight.numel() + rank * weight.shape[1] for weight in first)
    return found + Operations(inputs=-2.0 * spared * tokens)


def _head(head: nn.Module, patches: int) -> Operations:
    """Return what a head costs; its norm learns, so that its inputs need gradients too."""
    once = sum(
        _numbers(module)
        for name, module in head.named_modules()
        if name.endswith(("pooled", "has_prior"))
    )
    return _product(once, 1, flows=True, trained=True) + _product(
        _numbers(head) - once, patches, flows=True, trained=True
    )


def _patches(tower: Any) -> int:
    return int((tower.config.image_size // tower.config.patch_size) ** 2)


def _matrices(module: nn.Module) -> list[nn.Parameter]:
    """Return the matrices that vectors are multiplied with; embeddings are only looked up."""
    return [
        parameter
        for part in module.modules()
        if not isinstance(part, nn.Embedding)
        for name, parameter in part.named_parameters(recurse=False)
        if parameter.dim() == 2 and name.endswith("weight")
    ]


def _numbers(module: nn.Module) -> int:
    return sum(matrix.numel() for matrix in _matrices(module))


def _product(numbers: int, vectors: int, *, flows: bool, trained: bool) -> Operations:
    once = 2.0 * numbers * vectors
    return Operations(once, once * flows, once * trained)


def _attention(queries: int, keys: int, width: int, *, flows: bool) -> Operations:
    """Return the two products of attention, each of two inputs; ``width`` is that of all heads."""
    once = 4.0 * queries * keys * width
    return Operations(once, 2 * once * flows)
