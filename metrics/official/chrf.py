"""Character F-score by sacreBLEU."""

from __future__ import annotations

from collections.abc import Sequence

from metrics.official import OfficialScores, needed


def scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> OfficialScores:
    """Return sacreBLEU's chrF of the corpus and of each sample, on the scale 0–1."""
    metric = needed("sacrebleu.metrics").CHRF()
    most = max(map(len, references))
    streams = [[t[i] if i < len(t) else None for t in references] for i in range(most)]
    corpus = metric.corpus_score(list(predictions), streams).score / 100
    per_sample = [
        metric.sentence_score(prediction, list(texts)).score / 100
        for prediction, texts in zip(predictions, references, strict=True)
    ]
    return OfficialScores({"chrf": float(corpus)}, {"chrf": per_sample})
