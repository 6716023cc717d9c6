"""BERTScore: how well the tokens of two texts find each other in an encoder's hidden layer."""

from __future__ import annotations

from metrics.annotators.bertscore.annotator import BertScoreAnnotator, PairScore, pair_key

__all__ = ["BertScoreAnnotator", "PairScore", "pair_key"]
