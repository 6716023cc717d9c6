"""Projectors: from features of a vision tower to embeddings of a language model.

Names of modules and parameters are those of Libra's checkpoints (X-iZhang/Libra, commit 0d6c56a),
so that its files load as they are; ``cros_attention`` is spelt so there.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.arguments import check_argument
from models.errors import InputError

_MLP_TYPE = re.compile(r"mlp([0-9]{1,2})x_gelu")
_SIMILARITY_POWER = 8
"""How sharply the prior's bias fades with unlikeness: weight = ((cosine + 1) / 2) ** 8."""
_COSINE_EPSILON = 1e-6


class SqueezeExcitation(nn.Module):
    """Channels scaled by what all of them hold on average (Hu et al. 2018), with GELU inside.

    Equals ``torchvision.ops.SqueezeExcitation(channels, squeezed, activation=GELU)``.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, planes: Tensor) -> Tensor:
        """Return planes ``[batch, channels, height, width]``, scaled per channel."""
        means = planes.mean((2, 3), keepdim=True)
        scale: Tensor = self.fc2(functional.gelu(self.fc1(means)))
        return planes * scale.sigmoid()


class TemporalAlignmentConnector(nn.Module):
    """Libra's projector: what has changed between a prior and a current image.

    Layers of the tower are fused by 1x1 convolutions over the layer axis; the prior is shifted by
    a learned scalar weighted with its likeness to the current image; the current features attend
    to themselves and to the prior's. A missing prior is the current image again: the likeness is
    then 1.

    Parameters
    ----------
    vision_dim
        Width of the vision tower; ``num_heads`` must divide it.
    hidden_size
        Width of the language model.
    num_heads
        Heads of each attention; Libra takes those of the language model.
    num_layers
        Layers of the vision tower that are read, 12 in Libra.
    dropout
        Of the residual branches, in training.

    Raises
    ------
    InputError
        If the numbers do not fit together.

    Source: Zhang et al. 2025 (Libra), section 3; constants from the published code. All-zero
    features give NaN there (0/0); here their cosine is 0.

    >>> tac = TemporalAlignmentConnector(vision_dim=8, hidden_size=16, num_heads=2)
    >>> current = torch.ones(1, 12, 4, 8)
    >>> tuple(tac(current, current).shape)
    (1, 4, 16)
    """

    def __init__(
        self,
        vision_dim: int,
        hidden_size: int,
        num_heads: int,
        num_layers: int = 12,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        _check_sizes(vision_dim, hidden_size, num_heads, num_layers)
        half, quarter = num_layers // 2, num_layers // 4
        self.num_layers = num_layers
        self.LFE = nn.Sequential(
            SqueezeExcitation(num_layers, half),
            nn.Conv2d(num_layers, half, 1, bias=False),
            SqueezeExcitation(half, quarter),
            nn.Conv2d(half, quarter, 1, bias=False),
            SqueezeExcitation(quarter, 1),
            nn.Conv2d(quarter, 1, 1, bias=False),
        )
        self.LFE_prior_bias = nn.Parameter(torch.tensor(0.0))
        self.cur_self_attention = _attention(vision_dim, num_heads)
        self.prior_self_attention = _attention(vision_dim, num_heads)
        self.cros_attention = _attention(vision_dim, num_heads)
        self.norm1 = nn.LayerNorm(vision_dim)
        self.norm2 = nn.LayerNorm(vision_dim)
        self.norm3 = nn.LayerNorm(vision_dim)
        self.norm4 = nn.LayerNorm(vision_dim)
        self.dropout = nn.Dropout(dropout)
        self.mlp_attn = nn.Sequential(
            nn.Linear(vision_dim, vision_dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(vision_dim, vision_dim),
            nn.Dropout(dropout),
        )
        self.mlp_final = nn.Sequential(
            nn.Linear(vision_dim, hidden_size),
            nn.GELU(),
            nn.Linear(hidden_size, hidden_size),
            nn.GELU(),
            nn.Linear(hidden_size, hidden_size),
            nn.GELU(),
            nn.Linear(hidden_size, hidden_size),
        )

    def forward(self, current: Tensor, prior: Tensor) -> Tensor:
        """Return embeddings of the current image in the light of the prior.

        Parameters
        ----------
        current, prior
            Features ``[batch, layers, patches, vision_dim]`` each.

        Returns
        -------
        Tensor
            ``[batch, patches, hidden_size]``; samples of a batch do not touch each other.
        """
        fused = self.fuse(current)
        fused_prior = self.fuse(prior)
        weight = self.likeness(fused, fused_prior)
        shifted = fused_prior + weight * self.LFE_prior_bias
        now = self.norm1(fused + self._attended(self.cur_self_attention, fused, fused))
        before = self.norm2(shifted + self._attended(self.prior_self_attention, shifted, shifted))
        both = self.norm3(now + self._attended(self.cros_attention, now, before))
        projected: Tensor = self.mlp_final(self.norm4(fused + self.mlp_attn(both)))
        return projected

    def fuse(self, features: Tensor) -> Tensor:
        """Return one plane ``[batch, patches, vision_dim]`` for all layers of the tower."""
        if features.dim() != 4 or features.shape[1] != self.num_layers:
            raise InputError(
                f"The connector takes features [batch, {self.num_layers} layers, patches, width], "
                f"not {list(features.shape)}. Set mm_vision_select_layer to all."
            )
        fused: Tensor = self.LFE(features)
        return fused.squeeze(1)

    def likeness(self, current: Tensor, prior: Tensor) -> Tensor:
        """Return the prior's weight ``[batch, 1, 1]``, 1 for equal planes, nearly 0 for unlike."""
        cosine = functional.cosine_similarity(
            _unit(current.flatten(1)), _unit(prior.flatten(1)), dim=-1, eps=_COSINE_EPSILON
        )
        return (((cosine + 1) / 2) ** _SIMILARITY_POWER).view(-1, 1, 1)

    def _attended(self, attention: nn.MultiheadAttention, query: Tensor, other: Tensor) -> Tensor:
        attended: Tensor = attention(query, other, other, need_weights=False)[0]
        dropped: Tensor = self.dropout(attended)
        return dropped


class ImageProjector(nn.Module):
    """LLaVA's projector: layers over the patches of the current image; the prior is ignored.

    Parameters
    ----------
    vision_dim, hidden_size
        Width of the tower and of the language model.
    layers
        Linear layers with GELU between them (``mlpKx_gelu``); None is a bare layer (``linear``).
    """

    def __init__(self, vision_dim: int, hidden_size: int, layers: int | None) -> None:
        super().__init__()
        modules: list[nn.Module] = [nn.Linear(vision_dim, hidden_size)]
        for _ in range((layers or 1) - 1):
            modules += [nn.GELU(), nn.Linear(hidden_size, hidden_size)]
        self.projector = modules[0] if layers is None else nn.Sequential(*modules)

    def forward(self, current: Tensor, prior: Tensor | None = None) -> Tensor:
        """Return ``[batch, patches, hidden_size]`` from ``[batch, 1, patches, vision_dim]``."""
        del prior
        if current.dim() != 4 or current.shape[1] != 1:
            raise InputError(
                f"This projector takes features of one layer, [batch, 1, patches, width], not "
                f"{list(current.shape)}. Set mm_vision_select_layer to one layer."
            )
        projected: Tensor = self.projector(current.squeeze(1))
        return projected


Projector = TemporalAlignmentConnector | ImageProjector


def build_projector(
    kind: str, vision_dim: int, hidden_size: int, num_heads: int, num_layers: int = 12
) -> Projector:
    """Return an untrained projector of a ``mm_projector_type``: TAC, linear or ``mlpKx_gelu``.

    Raises
    ------
    InputError
        If there is no projector of this type, or the numbers do not fit it.
    """
    check_argument("kind", kind, str)
    if kind == "TAC":
        return TemporalAlignmentConnector(vision_dim, hidden_size, num_heads, num_layers)
    if kind == "linear":
        return ImageProjector(vision_dim, hidden_size, None)
    found = _MLP_TYPE.fullmatch(kind)
    if found and int(found[1]) >= 1:
        return ImageProjector(vision_dim, hidden_size, int(found[1]))
    raise InputError(f"Unknown mm_projector_type {kind!r}. Known: TAC, linear, mlp2x_gelu, ….")


def _check_sizes(vision_dim: int, hidden_size: int, num_heads: int, num_layers: int) -> None:
    sizes = {"vision_dim": vision_dim, "hidden_size": hidden_size}
    for name, size in {**sizes, "num_heads": num_heads, "num_layers": num_layers}.items():
        check_argument(name, size, int)
    if vision_dim < 1 or hidden_size < 1:
        raise InputError(f"The connector's sizes are {sizes}. Give sizes of 1 or more.")
    if num_heads < 1 or vision_dim % num_heads:
        raise InputError(
            f"The connector's {num_heads} heads do not divide its vision width {vision_dim}. "
            "Use a language model or tower whose numbers fit."
        )
    if num_layers < 4:
        raise InputError(
            f"The connector cannot fuse {num_layers} layers: it halves them twice. "
            "Use a tower with 4 layers or more."
        )


def _attention(width: int, heads: int) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(width, heads, batch_first=True, add_bias_kv=True)


def _unit(rows: Tensor) -> Tensor:
    norms = rows.norm(dim=-1, keepdim=True)
    return rows / torch.where(norms == 0, 1, norms)
