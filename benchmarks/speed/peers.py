"""What users run today for the libra protocol: one-at-a-time scorers, called as published."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any


def load() -> Any:
    """Load tokeniser, WordNet and scorers; return the function from pairs to scores."""
    import numpy as np
    from rouge_score import rouge_scorer, scoring
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    from metrics.official.meteor import scores as meteor_scores
    from metrics.temporal.keywords import KEYWORDS
    from metrics.tokens.libra_text import lower_and_clean

    meteor_scores(["warm up the images"], [["warm up an image"]])
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"])
    tokenize: Callable[[str], str] = Tokenizer13a()  # type: ignore[no-untyped-call]

    def evaluate(predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        predictions = [lower_and_clean(text) for text in predictions]
        references = [lower_and_clean(text) for text in references]
        result = {f"bleu{n}": hub_bleu(tokenize, predictions, references, n) for n in (1, 2, 3, 4)}
        aggregator = scoring.BootstrapAggregator()
        f1 = []
        for prediction, reference in zip(predictions, references, strict=True):
            scores = scorer.score(reference, prediction)
            aggregator.add_scores(scores)
            f1.append(scores["rougeL"].fmeasure)
        aggregator.aggregate()
        result["rougeL"] = float(np.mean(f1))
        corpus, _ = meteor_scores(predictions, [[text] for text in references])
        result["meteor"] = corpus["meteor"]
        result["temporal_f1"] = _temporal(KEYWORDS, predictions, references)
        return result

    return evaluate


def hub_bleu(
    tokenize: Callable[[str], str],
    predictions: Sequence[str],
    references: Sequence[str],
    order: int,
) -> float:
    """BLEU of one order with dictionary counts, as the hub's script makes it: a pass per order."""
    matches, possible = [0] * order, [0] * order
    prediction_length = reference_length = 0
    for prediction, reference in zip(predictions, references, strict=True):
        ours, theirs = tokenize(prediction).split(), tokenize(reference).split()
        prediction_length += len(ours)
        reference_length += len(theirs)
        overlap = _ngrams(ours, order) & _ngrams(theirs, order)
        for ngram, count in overlap.items():
            matches[len(ngram) - 1] += count
        for n in range(1, order + 1):
            possible[n - 1] += max(0, len(ours) - n + 1)
    precisions = [m / p if p else 0.0 for m, p in zip(matches, possible, strict=True)]
    if min(precisions) == 0:
        return 0.0
    ratio = prediction_length / reference_length
    brevity = 1.0 if ratio > 1 else math.exp(1 - 1 / ratio)
    return brevity * math.exp(sum(math.log(p) for p in precisions) / order)


def _ngrams(tokens: list[str], order: int) -> Counter[tuple[str, ...]]:
    spans = range(1, order + 1)
    return Counter(tuple(tokens[i : i + n]) for n in spans for i in range(len(tokens) - n + 1))


def _temporal(
    keywords: frozenset[str], predictions: Sequence[str], references: Sequence[str]
) -> float:
    import re

    patterns = {word: re.compile(rf"\b{word}\b") for word in sorted(keywords)}
    total = 0.0
    for pair in zip(predictions, references, strict=True):
        ours, theirs = ({w for w, p in patterns.items() if p.search(text)} for text in pair)
        if not theirs:
            total += 1.0 if not ours else 1e-10
            continue
        both = len(ours & theirs) + 1e-10
        precision, recall = both / (len(ours) + 1e-10), both / (len(theirs) + 1e-10)
        total += 2 * precision * recall / (precision + recall + 1e-10)
    return total / len(predictions)
