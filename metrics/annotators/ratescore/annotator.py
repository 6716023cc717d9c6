"""RaTEScore's two models together, for scoring without a cache."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from metrics.annotators.ratescore.affinity import read_affinity
from metrics.annotators.ratescore.encoder import EntityEncoder
from metrics.annotators.ratescore.entities import Entity
from metrics.annotators.ratescore.pairs import pair_score
from metrics.annotators.ratescore.recognizer import EntityRecognizer
from metrics.errors import InputError
from metrics.precision import FLOAT32
from metrics.texts import prediction_list


class RaTEScoreAnnotator:
    """A loaded RaTE-NER and the synonym encoder that belongs to it.

    Source: Zhao et al. 2024, "RaTEScore: a metric for radiology report generation"; equals the
    package RaTEScore 0.6.0 but for reports without a sentence, which there shift the scores of
    all pairs after them.
    """

    def __init__(self, recognizer: EntityRecognizer, encoder: EntityEncoder) -> None:
        self._recognizer = recognizer
        self._encoder = encoder

    @classmethod
    def load(
        cls,
        ner: str | Path,
        encoder: str | Path,
        device: str = "cpu",
        precision: str = FLOAT32,
    ) -> Self:
        """Load both models from folders in the official layout.

        Parameters
        ----------
        ner
            Folder of ``Angelakeke/RaTE-NER-Deberta``.
        encoder
            Folder of ``FremyCompany/BioLORD-2023-C``.
        device
            A torch device.
        precision
            "float32", or "bfloat16" or "int8" (CPU only): the encoders' products are rounded, and
            annotations deviate.

        Raises
        ------
        InputError
            If files are damaged or do not fit each other; if there is no such precision.
        MissingError
            If a file or package is not there.
        """
        return cls(
            EntityRecognizer.load(ner, device, precision),
            EntityEncoder.load(encoder, device, precision),
        )

    def annotate(self, texts: Iterable[str]) -> list[list[Entity]]:
        """Return the entities of each text, (text, type), in order.

        An entity may be a piece of a word; each distinct text is read once.

        Raises
        ------
        InputError
            If ``texts`` is one string, or an element is not a string.
        """
        texts = prediction_list(texts, "texts")
        distinct = list(dict.fromkeys(texts))
        found = dict(zip(distinct, self._recognizer.annotate_distinct(distinct), strict=True))
        return [found[text].copy() for text in texts]

    def scores(
        self, predictions: Iterable[str], references: Iterable[str], matrix: str | Path = "long"
    ) -> NDArray[np.float64]:
        """Return the score of each pair, float64 (n,); 0.5 if a side has no entity.

        ``matrix`` is ``long``, ``short`` or a JSON file of weights in their form.

        Raises
        ------
        InputError
            If a side is no list of strings, they differ in length, or the file holds no weights.
        MissingError
            If there is no such file.
        """
        predictions = prediction_list(predictions)
        references = prediction_list(references, "references")
        if len(predictions) != len(references):
            raise InputError(
                f"{len(predictions)} predictions for {len(references)} references. "
                "Give one reference per prediction, in the same order."
            )
        affinity = read_affinity(matrix)
        found = self.annotate([*predictions, *references])
        texts = list(dict.fromkeys(text for entities in found for text, _ in entities))
        vectors = dict(zip(texts, self._encoder.annotate_distinct(texts), strict=True))
        pairs = zip(found[: len(predictions)], found[len(predictions) :], strict=True)
        return np.array([pair_score(*pair, vectors, affinity) for pair in pairs], np.float64)
