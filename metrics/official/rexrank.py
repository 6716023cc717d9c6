"""ReXrank's BLEU-2: NLTK's sentence BLEU, smoothing method 1, on CXR-Report-Metric's words."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from metrics.official import OfficialScores, mean_scores, needed


def scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> OfficialScores:
    """Return bleu2: the mean over samples of the sentence scores.

    CXR-Report-Metric calls ``fast_bleu``, which no longer builds everywhere; NLTK's function is
    the one that it reimplements. An empty side, on which NLTK would raise, scores 0.
    """
    bleu = needed("nltk.translate.bleu_score")
    smooth = bleu.SmoothingFunction().method1
    found = []
    for prediction, texts in zip(predictions, references, strict=True):
        words, *others = [_words(text) for text in (prediction, *texts)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            value = bleu.sentence_bleu(others, words, (0.5, 0.5), smooth) if words else 0.0
        found.append(float(value))
    return mean_scores({"bleu2": found})


def _words(text: str) -> list[str]:
    return [word for word in text.lower().replace(".", " .").split(" ") if word]
