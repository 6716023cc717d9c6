"""CheXbert F1 by f1chexbert 0.0.2, and SembScore of its model, in the reference environment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metrics.annotators.sources import weights_of
from metrics.conditions import AVERAGES, CONDITIONS, snake_case
from metrics.official import OfficialScores, mean_scores
from metrics.official.clinical import worker
from metrics.official.radgraph import best
from metrics.weights import locate


def scores(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    uncertain: str = "positive",
) -> OfficialScores:
    """Return all F1s and the accuracy; nothing where the package has no such score.

    It knows one reference per sample, and takes an uncertain condition for a positive one.
    """
    if uncertain != "positive" or any(len(group) > 1 for group in references):
        return OfficialScores({}, {})
    refs = [group[0] for group in references]
    found = worker().ask("chexbert_f1", hyps=list(predictions), refs=refs, **_model()).result
    corpus = {
        f"chexbert_{average}_f1_{count}": found[f"report_{count}"][f"{average} avg"]["f1-score"]
        for average in AVERAGES
        for count in (14, 5)
    }
    for condition in CONDITIONS:
        row = found["report_14"][condition]
        corpus[f"chexbert_f1_{snake_case(condition)}"] = row["f1-score"]
    corpus["chexbert_accuracy_5"] = found["accuracy"]
    return OfficialScores(corpus, {"chexbert_accuracy_5": found["agree"]})


def semb_scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> OfficialScores:
    """Return the cosine of the vectors that the package's model makes; the nearest reference's."""
    texts = list(dict.fromkeys([*predictions, *(text for group in references for text in group)]))
    rows = np.array(worker().ask("chexbert_vectors", texts=texts, **_model()).result)
    directions = dict(zip(texts, rows / np.linalg.norm(rows, axis=1, keepdims=True), strict=True))
    cosines = [
        float(directions[prediction] @ directions[reference])
        for prediction, group in zip(predictions, references, strict=True)
        for reference in group
    ]
    return mean_scores({"semb_score": best(cosines, references)})


def _model() -> dict[str, str]:
    checkpoint, encoder = (str(locate(name).resolve()) for name in weights_of("chexbert"))
    return {"checkpoint": checkpoint, "encoder": encoder}
