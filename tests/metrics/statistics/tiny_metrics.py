"""Three small metrics as sums of statistics: BLEU-4, micro-F1 and a mean."""

from __future__ import annotations

from collections import Counter

import numpy as np

VOCABULARY = ["heart", "lungs", "are", "is", "the", "normal", "clear", "no", "effusion", "seen"]


def mean(totals):
    """From (sum, count)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return totals[..., :1] / totals[..., 1:]


def as_mean(scores):
    return np.column_stack([scores, np.ones(len(scores))])


def micro_f1(totals):
    """From true positives, false positives and false negatives."""
    hits, invented, missed = np.moveaxis(totals, -1, 0)
    with np.errstate(invalid="ignore"):
        return (2 * hits / (2 * hits + invented + missed))[..., None]


def bleu4(totals):
    """From four match counts, four n-gram counts, and both lengths; in percent."""
    matches, counts = totals[..., :4], totals[..., 4:8]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.exp(np.log(matches / counts).mean(axis=-1))
        brevity = np.exp(np.minimum(0.0, 1 - totals[..., 9] / totals[..., 8]))
    return 100 * (brevity * precision)[..., None]


def bleu4_statistics(predictions, references):
    return np.array(
        [_sentence(p.split(), r.split()) for p, r in zip(predictions, references, strict=True)],
        dtype=float,
    )


def _sentence(prediction, reference):
    ours = [_ngrams(prediction, n) for n in range(1, 5)]
    theirs = [_ngrams(reference, n) for n in range(1, 5)]
    matches = [(a & b).total() for a, b in zip(ours, theirs, strict=True)]
    return [*matches, *(a.total() for a in ours), len(prediction), len(reference)]


def _ngrams(words, n):
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def synthetic_texts(n, seed, damage):
    """Return predictions and references; ``damage`` is the share of words put at random."""
    rng = np.random.default_rng(seed)
    references = [rng.choice(VOCABULARY, rng.integers(8, 20)).tolist() for _ in range(n)]
    predictions = [
        [str(rng.choice(VOCABULARY)) if rng.random() < damage else word for word in words]
        for words in references
    ]
    return [" ".join(p) for p in predictions], [" ".join(r) for r in references]
