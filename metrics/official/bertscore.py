"""BERTScore by bert-score 0.3.13, in the reference environment."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from metrics.annotators.bertscore.remembered import model_folder
from metrics.annotators.bertscore.tables import default_layer, official_name
from metrics.official import OfficialScores, mean_scores
from metrics.official.clinical import worker

_OUTPUTS = ("bertscore_precision", "bertscore_recall", "bertscore_f1")


def scores(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    model: str,
    layer: int | None = None,
    rescale: bool = False,
    idf: bool = False,
    baseline_file: str | None = None,
) -> OfficialScores:
    """Return precision, recall and F1; idf weights are those of all references."""
    corpus = [text for group in references for text in group]
    found = worker().ask(
        "bertscore",
        model=str(model_folder(model).resolve()),
        layer=default_layer(model) if layer is None else layer,
        rescale=rescale,
        baseline_file=_baselines(model, baseline_file) if rescale else None,
        idf_texts=corpus if idf else None,
        batch_size=64,
        hyps=list(predictions),
        refs=[list(group) for group in references],
    )
    return mean_scores(dict(zip(_OUTPUTS, found.result, strict=True)))


def _baselines(model: str, file: str | None) -> str:
    if file is not None:
        return str(Path(file).resolve())
    # the package looks its own up by the model's name, and is given a folder
    name = f"{official_name(model)}.tsv"
    return str(files("metrics") / "resources" / "bertscore" / "baselines" / name)
