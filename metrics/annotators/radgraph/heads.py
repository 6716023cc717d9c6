"""Entities and relations from the words' vectors: DyGIE++'s span networks, without repetition.

A span is (vector of its first word, vector of its last word, embedding of its width), and every
network's first layer is linear in these parts, so each part goes through it once per word or span
and not once per span or pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from metrics.annotators.radgraph.settings import Settings

Entity = tuple[int, int, str]
Relation = tuple[int, int, str]

_SPANS = 1 << 15
_PAIRS = 1 << 13
"""Spans and pairs scored at once: they bound the memory that long reports need."""


class Network(nn.Module):
    """Linear layers with ReLU between them and a last linear layer to the scores."""

    def __init__(self, inputs: int, hidden: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        sizes = (inputs, *hidden)
        self.layers = nn.ModuleList(map(nn.Linear, sizes[:-1], sizes[1:]))
        self.scorer = nn.Linear(sizes[-1], outputs)

    @property
    def first(self) -> nn.Linear:
        """The first layer."""
        return cast(nn.Linear, self.layers[0])

    def after_first(self, first: Tensor) -> Tensor:
        """Return the scores, given the first layer's output without its bias."""
        state = functional.relu_(first + self.first.bias)
        for layer in self.layers[1:]:
            state = functional.relu_(layer(state))
        scores: Tensor = self.scorer(state)
        return scores


class Heads(nn.Module):
    """The networks above the encoder.

    Parameters
    ----------
    settings
        Sizes and labels.
    size
        Width of the encoder's vectors.
    """

    def __init__(self, settings: Settings, size: int) -> None:
        super().__init__()
        self._settings = settings
        self._size = size
        span = 2 * size + settings.feature_size
        hidden = settings.hidden
        self.widths = nn.Embedding(settings.widths, settings.feature_size)
        self.ner = Network(span, hidden, len(settings.ner_labels) - 1)
        self.mention = Network(span, hidden, 1)
        self.relation = Network(3 * span, hidden, len(settings.relation_labels))

    def forward(self, words: Tensor) -> tuple[list[Entity], list[Relation]]:
        """Return what a text's words hold.

        Parameters
        ----------
        words
            One vector per word, shape (words, size); at least one.

        Returns
        -------
        tuple of lists
            Entities as (first word, last word, label) in span order, nested and overlapping ones
            too; relations between them as (index of subject, index of object, label), in the
            order of subject and object. A span may be related to itself.
        """
        starts, ends = self._spans(len(words), words.device)
        labels, mentions = self._span_scores(words, starts, ends)
        kept = _highest(mentions, len(words), self._settings.spans_per_word)
        entities = labels.nonzero().squeeze(1)
        # relations of spans that are no entities are dropped in the end: they are not scored
        related = kept[labels[kept] > 0]
        pairs = self._relations(words, starts[related], ends[related], mentions[related])
        place = torch.searchsorted(entities, related).tolist()
        names = self._settings.relation_labels
        return (
            list(
                zip(
                    starts[entities].tolist(),
                    ends[entities].tolist(),
                    [self._settings.ner_labels[i] for i in labels[entities].tolist()],
                    strict=True,
                )
            ),
            [(place[i], place[j], names[label]) for i, j, label in pairs],
        )

    def _spans(self, words: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return first and last word of every span, in the order of first, then last word."""
        first = torch.arange(words, device=device)
        width = torch.arange(self._settings.max_width, device=device)
        ends = first[:, None] + width
        inside = ends < words
        return first[:, None].expand_as(ends)[inside], ends[inside]

    def _span_scores(self, words: Tensor, starts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Return each span's label index and mention score."""
        networks = (self.ner, self.mention)
        first = torch.cat([network.first.weight for network in networks])
        at_start, at_end, at_width = self._parts(first)
        by_start, by_end = words @ at_start.T, words @ at_end.T
        by_width = self.widths.weight @ at_width.T
        labels, mentions = [], []
        for start, end in zip(torch.split(starts, _SPANS), torch.split(ends, _SPANS), strict=True):
            state = by_start[start] + by_end[end] + by_width[end - start]
            ner, mention = state.chunk(2, dim=1)
            labels.append(_best(self.ner.after_first(ner)))
            mentions.append(self.mention.after_first(mention).squeeze(1))
        return torch.cat(labels), torch.cat(mentions)

    def _relations(
        self, words: Tensor, starts: Tensor, ends: Tensor, mentions: Tensor
    ) -> Iterator[tuple[int, int, int]]:
        """Yield the related pairs of these spans: subject, object, label index."""
        if not len(starts):
            return
        spans = torch.cat((words[starts], words[ends], self.widths(ends - starts)), dim=1)
        subject, object_, product = self.relation.first.weight.chunk(3, dim=1)
        by_subject, by_object = spans @ subject.T, spans @ object_.T
        step = max(1, _PAIRS // len(spans))
        for i in range(0, len(spans), step):
            rows = slice(i, i + step)
            products = (spans[rows, None] * spans) @ product.T
            state = (by_subject[rows, None] + by_object) + products
            scores = self.relation.after_first(state)
            scores += (mentions[rows, None] + mentions).unsqueeze(-1)
            best = _best(scores)
            places, labels = best.nonzero().tolist(), best[best > 0].tolist()
            for (row, column), label in zip(places, labels, strict=True):
                yield i + row, column, label - 1

    def _parts(self, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sizes = [self._size, self._size, self._settings.feature_size]
        start, end, width = torch.split(weight, sizes, dim=1)
        return start, end, width


def _best(scores: Tensor) -> Tensor:
    """Return the index of the highest score along the last axis; index 0 is "none", score 0."""
    return functional.pad(scores, (1, 0)).max(dim=-1).indices


def _highest(mentions: Tensor, words: int, spans_per_word: float) -> Tensor:
    """Return the indices of the spans with the highest mention scores, in span order."""
    # the product is rounded to float32, as in the original, before it is rounded up
    count = int(torch.ceil(torch.tensor(float(words)) * spans_per_word))
    kept = mentions.topk(min(max(count, 1), len(mentions))).indices
    return kept.sort().values
