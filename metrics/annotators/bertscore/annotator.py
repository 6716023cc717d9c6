"""BERTScore of pairs of texts: each distinct text goes through the encoder once."""

from __future__ import annotations

import json
import math
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from metrics.annotators.annotator import Annotator
from metrics.annotators.bertscore.encoder import TokenEncoder
from metrics.precision import FLOAT32
from metrics.texts import prediction_list

if TYPE_CHECKING:
    from torch import Tensor

Pair = tuple[str, str]
"""A prediction and a reference."""
_WINDOW = 64  # pairs whose texts go through the encoder together
_FORMAT = struct.Struct("<3d")


class PairScore(NamedTuple):
    """What a prediction scores against one reference, before any rescaling."""

    precision: float
    recall: float
    f1: float


class _Side(NamedTuple):
    vectors: Tensor
    weights: Tensor


NOTHING = PairScore(0.0, 0.0, 0.0)


class BertScoreAnnotator(Annotator[PairScore]):
    """BERTScore with one encoder, one hidden layer and one set of token weights.

    Each token of one side is matched with the most similar token of the other; precision is the
    weighted mean over the prediction's tokens, recall that over the reference's. No match counts
    less than 0, which is what bert-score makes of negative cosines in all but the longest texts
    of its batches. Without idf all tokens weigh the same, but the two that begin and end a text
    weigh nothing; they can be matched all the same. With idf a token weighs
    log((n + 1) / (df + 1)), df of n reference texts holding it. A side without tokens, or whose
    tokens all weigh nothing, scores 0. What exceeds the encoder's length is left out, as the
    official package does.

    Source: Zhang et al., ICLR 2020; bert-score 0.3.13.

    Parameters
    ----------
    encoder
        Turns texts to token vectors.
    corpus
        The reference texts that idf weights come from, repeated ones counted again; None: no idf.
    """

    version: ClassVar[int] = 2

    def __init__(self, encoder: TokenEncoder, corpus: Sequence[str] | None = None) -> None:
        self._encoder = encoder
        self.weights = _flat(encoder) if corpus is None else _idf(encoder.pieces(corpus))

    @classmethod
    def load(
        cls,
        folder: str | Path,
        layer: int,
        corpus: Sequence[str] | None = None,
        device: str = "cpu",
        precision: str = FLOAT32,
    ) -> Self:
        """Return the annotator of a model folder, read up to the hidden layer.

        With ``precision`` "bfloat16" or "int8" (CPU only) the encoder's products are rounded, and
        scores deviate.

        Raises
        ------
        InputError
            If the folder's files are damaged, or the layer or the precision is not there.
        MissingError
            If files, torch or transformers are not there.
        """
        return cls(TokenEncoder.load(Path(folder), layer, device, precision), corpus)

    def annotate_distinct(self, texts: Sequence[str]) -> list[PairScore]:
        """Return one score per pair, given as `pair_key` writes it, in order."""
        pairs = [pair_of(text) for text in texts]
        found = dict(self.stream(pairs))
        return [found[pair] for pair in pairs]

    def scores(self, predictions: Iterable[str], references: Iterable[str]) -> NDArray[np.float64]:
        """Return precision, recall and F1 of each pair, shape (n, 3).

        Raises
        ------
        InputError
            If a side is one string, or an element is not a string.
        """
        sides = prediction_list(predictions), prediction_list(references, "references")
        pairs = list(zip(*sides, strict=True))
        found = dict(self.stream(pairs))
        return np.array([found[pair] for pair in pairs], np.float64).reshape(-1, 3)

    def stream(self, pairs: Iterable[Pair]) -> Iterator[tuple[Pair, PairScore]]:
        """Yield the score of every distinct pair, in an order of its own.

        Pairs of one reference follow each other, and a text's vectors are dropped after its last
        pair.
        """
        ordered = sorted(set(pairs), key=lambda pair: (len(pair[1]), pair[1], pair[0]))
        waiting = Counter(text for pair in ordered for text in set(pair))
        held: dict[str, _Side | None] = {}
        for start in range(0, len(ordered), _WINDOW):
            window = ordered[start : start + _WINDOW]
            new = dict.fromkeys(text for pair in window for text in pair if text not in held)
            held.update(self._sides(list(new)))
            yield from zip(window, _scores([(held[p], held[r]) for p, r in window]), strict=True)
            for pair in window:
                waiting.subtract(set(pair))
            held = {text: side for text, side in held.items() if waiting[text]}

    @staticmethod
    def encode(annotation: PairScore) -> bytes:
        """Return the three numbers, little-endian float64."""
        return _FORMAT.pack(*annotation)

    @staticmethod
    def decode(data: bytes) -> PairScore:
        """Return the score."""
        return PairScore(*_FORMAT.unpack(data))

    def _sides(self, texts: list[str]) -> Iterator[tuple[str, _Side | None]]:
        import torch

        pieces = dict(zip(texts, self._encoder.pieces(texts), strict=True))
        full = {text: ids for text, ids in pieces.items() if not self._encoder.is_empty(ids)}
        yield from ((text, None) for text in texts if text not in full)
        vectors = self._encoder.vectors(list(full.values()))
        for (text, ids), found in zip(full.items(), vectors, strict=True):
            weights = torch.tensor([self.weights[i] for i in ids], device=found.device)
            yield text, _Side(found, weights)


def pair_key(prediction: str, reference: str) -> str:
    """Return the text under which the pair's score is remembered."""
    return json.dumps([prediction, reference])


def pair_of(key: str) -> Pair:
    """Return the pair of a key."""
    prediction, reference = json.loads(key)
    return prediction, reference


def _scores(sides: Sequence[tuple[_Side | None, _Side | None]]) -> list[PairScore]:
    import torch

    with torch.inference_mode():
        rows = [None if p is None or r is None else _score(p, r) for p, r in sides]
        scored = [row for row in rows if row is not None]
        # one copy from the device for all
        values = iter(torch.stack(scored).tolist() if scored else [])
    return [NOTHING if row is None else PairScore(*next(values)) for row in rows]


def _score(prediction: _Side, reference: _Side) -> Tensor:
    """Return precision, recall and F1, float32 of shape (3,)."""
    import torch

    # bert-score's padding stands in the comparison as 0, so that a match is never below
    similarity = (prediction.vectors @ reference.vectors.T).clamp_min(0.0)
    precision = _mean(similarity.amax(dim=1), prediction.weights)
    recall = _mean(similarity.amax(dim=0), reference.weights)
    f1 = 2 * precision * recall / (precision + recall)
    return torch.stack((precision, recall, f1)).nan_to_num(0.0, 0.0, 0.0)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * (weights / weights.sum())).sum()


def _flat(encoder: TokenEncoder) -> Mapping[int, float]:
    weights: defaultdict[int, float] = defaultdict(lambda: 1.0)
    weights.update(dict.fromkeys(encoder.special_ids, 0.0))
    return weights


def _idf(corpus: Sequence[Sequence[int]]) -> Mapping[int, float]:
    frequency = Counter(token for text in corpus for token in set(text))
    unseen = math.log(len(corpus) + 1)
    weights: defaultdict[int, float] = defaultdict(lambda: unseen)
    weights.update({t: math.log((len(corpus) + 1) / (df + 1)) for t, df in frequency.items()})
    return weights
