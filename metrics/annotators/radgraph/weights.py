"""The names that weights have in an archive, and the modules they belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from metrics.annotators.checkpoints import fill
from metrics.annotators.radgraph.heads import Heads
from metrics.annotators.radgraph.settings import Settings

_ENCODER = "_embedder.token_embedder_bert._matched_embedder.transformer_model."
_IGNORED = ("_coref.", "_events.")
_PER_DATASET = re.compile(r"_(?:ner|relation)\._\w+\.([^.]+)__(?:ner|relation)_labels\.")
_POSITIONS = "embeddings.position_ids"
"""A buffer that transformers saved until version 4.31."""


def fill_model(
    encoder: nn.Module,
    heads: Heads,
    weights: Mapping[str, Tensor],
    settings: Settings,
    path: Path,
) -> None:
    """Set the parameters of encoder and heads from an archive's ``weights.th``.

    Coreference, events and networks for the labels of other data sets are passed over.

    Raises
    ------
    InputError
        If weights are missing, unexpected or of another shape; ``path`` names them.
    """
    names = _names(settings)
    renamed = {}
    for name, value in weights.items():
        labels = _PER_DATASET.match(name)
        elsewhere = labels is not None and labels[1] != settings.dataset
        if elsewhere or name.startswith(_IGNORED) or name == _ENCODER + _POSITIONS:
            continue
        renamed[_renamed(name, names)] = value
    back = {ours: theirs for theirs, ours in names.items()}
    model = nn.ModuleDict({"encoder": encoder, "heads": heads})
    fill(model, renamed, path, lambda name: _renamed(name, back))


def _names(settings: Settings) -> dict[str, str]:
    """Return our prefix of each of theirs."""
    ner = f"_ner._ner_scorers.{settings.dataset}__ner_labels"
    relation = f"{settings.dataset}__relation_labels"
    pruner = f"_relation._mention_pruners.{relation}._scorer"
    return {
        _ENCODER: "encoder.",
        "_endpoint_span_extractor._span_width_embedding.": "heads.widths.",
        f"{ner}.0._module._linear_layers.": "heads.ner.layers.",
        f"{ner}.1._module.": "heads.ner.scorer.",
        f"{pruner}.0._module._linear_layers.": "heads.mention.layers.",
        f"{pruner}.1._module.": "heads.mention.scorer.",
        f"_relation._relation_feedforwards.{relation}._linear_layers.": "heads.relation.layers.",
        f"_relation._relation_scorers.{relation}.": "heads.relation.scorer.",
    }


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    for old, new in prefixes.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name
