"""CIDEr-D by pycocoevalcap after its PTB tokeniser."""

from __future__ import annotations

from collections.abc import Sequence

from metrics.official import OfficialScores, needed
from metrics.official.ptb import tokenise


def scores(
    predictions: Sequence[str], references: Sequence[Sequence[str]], *, sigma: float = 6.0
) -> OfficialScores:
    """Return CIDEr-D with document frequencies from these references; needs Java."""
    return tokenised_scores(*tokenise(predictions, references), sigma=sigma)


def tokenised_scores(
    predictions: Sequence[str], references: Sequence[Sequence[str]], *, sigma: float = 6.0
) -> OfficialScores:
    """Return CIDEr-D of texts that are tokens with blanks between; at least one has a token."""
    scorer = needed("pycocoevalcap.cider.cider_scorer").CiderScorer(n=4, sigma=sigma)
    for prediction, texts in zip(predictions, references, strict=True):
        scorer += (prediction, list(texts))
    corpus, per_sample = scorer.compute_score()
    return OfficialScores({"cider": float(corpus)}, {"cider": per_sample.tolist()})
