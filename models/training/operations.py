"""How many operations training takes: two for each number that a matrix product multiplies.

A product costs the same again for the gradient of its input, where a gradient must flow through
it, and once more for the gradient of its matrix, where that is trained. So a frozen language
model behind a projector that learns still costs two thirds of one that learns itself. Where
nothing is kept of a block's forward pass (gradient checkpointing), that pass is made twice.

The optimiser, norms, activations and losses are left out. Attention is counted in full, though
half of it is masked in a language model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from models.libra.projectors import ImageProjector, Projector, TemporalAlignmentConnector


@dataclass(frozen=True)
class Operations:
    """Operations of the forward pass, of the gradients of inputs, and of those of matrices.

    ``again`` are those of the forward pass that are made a second time.
    """

    forward: float = 0.0
    inputs: float = 0.0
    matrices: float = 0.0
    again: float = 0.0

    def __add__(self, other: Operations) -> Operations:
        """Return the operations of both."""
        return Operations(
            self.forward + other.forward,
            self.inputs + other.inputs,
            self.matrices + other.matrices,
            self.again + other.again,
        )

    @property
    def total(self) -> float:
        """All operations."""
        return self.forward + self.inputs + self.matrices + self.again


@dataclass(frozen=True)
class LanguageTraining:
    """What of a language model learns, and how.

    Parameters
    ----------
    trained
        Whether its own weights do.
    rank
        Of LoRA adapters on all its matrices but the head; 0 for none.
    from_input
        Whether something before it does, so that its inputs need gradients.
    checkpointed
        Whether blocks keep nothing but their inputs (transformers' gradient checkpointing, not
        reentrant).
    """

    trained: bool = False
    rank: int = 0
    from_input: bool = False
    checkpointed: bool = False


def tower_operations(tower: Any, trained: bool) -> Operations:
    """Return what one image costs in a tower: both passes, or the forward pass alone."""
    config = tower.config
    patches = patches_of(tower)
    embedding = tower.embeddings
    # CLIP and SigLIP name the convolution itself, Dinov2 a module around it
    inner = getattr(embedding, "patch_embedding", None)
    convolution = embedding.patch_embeddings.projection if inner is None else inner
    width = config.hidden_size * config.num_hidden_layers
    tokens = patches + int(config.model_type != "siglip_vision_model")
    return (
        product(convolution.weight.numel(), patches, flows=False, trained=trained)
        + product(count_numbers(tower.encoder), tokens, flows=trained, trained=trained)
        + attention(tokens, tokens, width, flows=trained)
    )


def projector_operations(projector: Projector, patches: int, trained: bool) -> Operations:
    """Return what the projector costs for one example; a frozen one its forward pass."""
    numbers = count_numbers(projector)
    if isinstance(projector, TemporalAlignmentConnector):
        width = projector.cros_attention.embed_dim
        fusion: Any = projector.LFE
        fused = sum(fusion[place].weight.numel() for place in (1, 3, 5))
        return (
            product(fused, 2 * patches * width, flows=trained, trained=trained)
            + product(numbers, patches, flows=trained, trained=trained)
            # a learned key and value stand beside those of the patches
            + attention(patches, patches + 1, 3 * width, flows=trained)
        )
    first = _first_matrix(projector)
    return product(first, patches, flows=False, trained=trained) + product(
        numbers - first, patches, flows=trained, trained=trained
    )


def language_operations(
    model: Any, training: LanguageTraining, tokens: int, labelled: int
) -> Operations:
    """Return what a sequence costs in a language model.

    Parameters
    ----------
    model
        One of transformers' classes, on any device, without adapters.
    training
        What learns.
    tokens
        The length of the sequence, patches among it.
    labelled
        How many of them are learned from: the head is applied to these alone.
    """
    flows = training.trained or training.from_input or training.rank > 0
    trained = training.trained
    blocks = (
        product(count_numbers(model.model), tokens, flows=flows, trained=trained)
        + attention(tokens, tokens, attention_width(model.config), flows=flows)
        + product(adapter_parameters(model, training.rank), tokens, flows=True, trained=True)
    )
    head = product(model.lm_head.weight.numel(), labelled, flows=flows, trained=trained)
    found = blocks + head
    # with checkpointing, transformers has the embeddings need gradients
    if training.rank and not training.from_input and not training.checkpointed:
        found += Operations(inputs=-_spared(model, training.rank, tokens))
    if training.checkpointed and flows:
        found += Operations(again=blocks.forward - _not_repeated(model, training.rank, tokens))
    return found


def adapter_parameters(language_model: Any, rank: int) -> int:
    """Return how many numbers LoRA adapters of this rank learn, on all matrices of the blocks."""
    return rank * sum(sum(matrix.shape) for matrix in matrices(language_model.model))


def attention_width(config: Any) -> int:
    """Return the width of the queries of all layers together."""
    heads = int(config.num_attention_heads)
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    return int(config.num_hidden_layers) * heads * int(size)


def patches_of(tower: Any) -> int:
    """Return how many patches an image has."""
    return int((tower.config.image_size // tower.config.patch_size) ** 2)


def matrices(module: nn.Module) -> list[nn.Parameter]:
    """Return the matrices that vectors are multiplied with; embeddings are only looked up."""
    return [
        parameter
        for part in module.modules()
        if not isinstance(part, nn.Embedding)
        for name, parameter in part.named_parameters(recurse=False)
        if parameter.dim() == 2 and name.endswith("weight")
    ]


def count_numbers(module: nn.Module) -> int:
    """Return how many numbers are in the matrices of a module."""
    return sum(matrix.numel() for matrix in matrices(module))


def count_parameters(module: nn.Module) -> int:
    """Return how many numbers are learned in a module; shared ones count once."""
    return sum(parameter.numel() for parameter in module.parameters())


def product(numbers: int, vectors: int, *, flows: bool, trained: bool) -> Operations:
    """Return the operations of so many vectors through matrices of so many numbers."""
    once = 2.0 * numbers * vectors
    return Operations(once, once * flows, once * trained)


def attention(queries: int, keys: int, width: int, *, flows: bool) -> Operations:
    """Return the two products of attention, each of two inputs; ``width`` is that of all heads."""
    once = 4.0 * queries * keys * width
    return Operations(once, 2 * once * flows)


def _first_matrix(projector: ImageProjector) -> int:
    return next(matrix.numel() for matrix in matrices(projector))


def _spared(model: Any, rank: int, tokens: int) -> float:
    """Return the gradients that stop at the first adapters, since nothing before them learns."""
    block: nn.Module = model.model.layers[0].self_attn
    first = [
        one for name, one in block.named_parameters() if one.dim() == 2 and "o_proj" not in name
    ]
    return 2.0 * tokens * sum(weight.numel() + rank * weight.shape[1] for weight in first)


def _not_repeated(model: Any, rank: int, tokens: int) -> float:
    """Return what a repeated pass leaves out: each block's last product, as nothing follows it."""
    lasts: list[nn.Parameter] = [layer.mlp.down_proj.weight for layer in model.model.layers]
    return 2.0 * tokens * sum(rank * last.shape[0] if rank else last.numel() for last in lasts)
