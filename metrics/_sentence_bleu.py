"""BLEU-2 per study, smoothed and averaged: the BLEU column of ReXrank."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.samples import Samples
from metrics.tokens.ngrams import clipped_matches, closest_lengths, lengths_of, totals
from metrics.tokens.vocabulary import Vocabulary

_EPSILON = 0.1  # NLTK's default for its smoothing method 1


@dataclass(frozen=True)
class SentenceBleu2(Metric):
    """BLEU-2 of each study by itself, averaged over studies, as CXR-Report-Metric computes it.

    The text is lower-cased and full stops are set apart; nothing else is (a comma stays at its
    word). Equal weights for words and pairs; if no pair matches, 0.1 of one is counted, so that
    a single matching word scores 0.316 and not 1. Several references: clipped to the largest
    count, closest length, ties to the shorter.

    Source: rajpurkarlab/CXR-Report-Metric (``fast_bleu``, weights 1/2 and 1/2), which equals
    NLTK's ``sentence_bleu`` with smoothing method 1.

    >>> round(SentenceBleu2().score(["no effusion"], ["no effusion."])["bleu2"], 4)
    0.6065
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="bleu2_sentence",
        outputs=(Output("bleu2"),),
        version=1,
        empty="0 if either side is empty, both included",
        source="rajpurkarlab/CXR-Report-Metric; NLTK sentence_bleu, method1",
    )
    treatment: str = "raw"

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 2): the study's BLEU-2, and 1."""
        texts = samples.prepared(self.treatment)
        encode = _vocabulary().encode
        predictions = texts.map_predictions("sentence_bleu", encode)
        references = texts.map_references("sentence_bleu", encode)
        counts = samples.reference_counts
        lengths = lengths_of(predictions)
        found = clipped_matches(predictions, references, counts, 2)
        wanted = closest_lengths(lengths, lengths_of(references), counts).astype(float)
        scores = _scores(found, totals(lengths, 2), lengths.astype(float), wanted)
        return np.column_stack((scores, np.ones_like(scores)))

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean BLEU-2."""
        return ratio(totals[..., :1], totals[..., 1:])


def _scores(
    found: FloatArray, possible: FloatArray, lengths: FloatArray, wanted: FloatArray
) -> FloatArray:
    smoothed = np.where(found > 0, found, _EPSILON) / np.maximum(possible, 1.0)
    penalty = np.exp(np.minimum(0.0, 1.0 - ratio(wanted, lengths, 0.0)))
    score = penalty * np.exp(0.5 * np.log(smoothed).sum(axis=-1))
    return np.where(found[:, 0] > 0, score, 0.0)


def _words(text: str) -> list[str]:
    return text.lower().replace(".", " .").split(" ")


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary(_words, lambda word: (word,) if word else ())
