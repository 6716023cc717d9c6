import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metrics._bertscore import BertScore
from metrics.api import score
from metrics.cache import AnnotationCache
from metrics.errors import InputError, MetricsWarning, MissingError
from metrics.samples import Samples, TestSet
from metrics.tokens.libra_text import lower_and_clean

FOLDER = Path(__file__).parents[1] / "golden" / "bertscore"
CASES: list[dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text("utf-8"))["cases"]
INPUTS: dict[str, list[str]] = json.loads((FOLDER / "inputs.json").read_text("utf-8"))
PREDICTIONS, REFERENCES = INPUTS["predictions"], INPUTS["references"]
NAMES = ("precision", "recall", "f1")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXR_HARNESS_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


def _samples(predictions: list[str], references: list[list[str]]) -> Samples:
    ids = [str(i) for i in range(len(references))]
    return Samples.of(predictions, TestSet(ids, references))


def _metric(case: dict[str, Any]) -> BertScore:
    return BertScore(
        model=str(FOLDER / case["model"]),
        layer=case["layer"],
        rescale=case["rescale"],
        baseline_file=str(FOLDER / "baselines.tsv") if case["rescale"] else None,
        idf=case["idf"],
    )


@pytest.mark.parametrize("case", CASES[:8], ids=lambda c: f"{c['model']}-{c['layer']}")
def test_golden_studies_score_as_the_official_package(case: dict[str, Any]) -> None:
    single = _samples(PREDICTIONS, [[reference] for reference in REFERENCES])
    metric = _metric(case).fit(single)
    statistics = metric.statistics(single)
    expected = np.column_stack([case[name] for name in NAMES])
    np.testing.assert_allclose(metric.per_sample(statistics), expected, rtol=0, atol=2e-6)
    mean = metric.reduce(statistics.sum(axis=0))
    np.testing.assert_allclose(mean, expected.mean(axis=0), rtol=0, atol=2e-6)


@pytest.mark.parametrize("case", CASES[:8], ids=lambda c: f"{c['model']}-{c['layer']}")
def test_of_several_references_each_number_takes_its_best(case: dict[str, Any]) -> None:
    groups = [REFERENCES[i : i + 3] for i in range(0, len(REFERENCES) - 2, 3)]
    samples = _samples(PREDICTIONS[::3][: len(groups)], groups)
    fitted = _metric(case).fit(_samples(REFERENCES, [[reference] for reference in REFERENCES]))
    expected = np.column_stack([case["several"][name] for name in NAMES])
    np.testing.assert_allclose(fitted.statistics(samples)[:, :3], expected, rtol=0, atol=2e-6)


def test_an_empty_side_scores_the_rescaled_zero_and_warns_once() -> None:
    metric = _metric(CASES[1])
    samples = _samples(["", "heart"], [["heart"], ["heart"]])
    with pytest.warns(MetricsWarning, match="1 of 2 pairs have an empty side") as caught:
        metric.annotate(samples)
    assert 1 == len(caught)
    expected = [[-0.51 / 0.49, -0.52 / 0.48, -0.515 / 0.485], [1.0, 1.0, 1.0]]
    np.testing.assert_allclose(metric.pair_scores(samples), expected, atol=1e-5)


def test_idf_without_fit_is_refused() -> None:
    with pytest.raises(InputError, match="no idf weights yet"):
        _metric(CASES[2]).statistics(_samples(["heart"], [["heart"]]))


def test_the_signature_names_what_moves_the_score_and_no_path(places: Path) -> None:
    moved = Path(shutil.copytree(FOLDER / "tiny-bert", places / "tiny-bert"))
    first, second = (BertScore(model=str(m), layer=3) for m in (FOLDER / "tiny-bert", moved))
    start = "bertscore|treatment:raw|model:tiny-bert|layer:3|rescale:no|idf:no|weights:"
    assert first.signature.startswith(start)
    assert first.signature.endswith("|v:1")
    assert first.signature == second.signature
    vocabulary = moved / "vocab.txt"
    vocabulary.write_text(vocabulary.read_text("utf-8") + "new\n", "utf-8")
    assert first.signature != second.signature
    assert "|rescale:sha256-" in _metric(CASES[1]).signature
    assert "|model:distilbert-base-uncased|layer:5|" in BertScore().signature
    assert "|weights:distilbert-base-uncased@absent|" in BertScore().signature


def test_named_weights_are_found_in_the_weights_folder(places: Path) -> None:
    assert ("distilbert-base-uncased",) == BertScore().weights
    with pytest.raises(MissingError, match="distilbert-base-uncased"):
        BertScore().score(["heart"], ["heart"])
    shutil.copytree(FOLDER / "tiny-distilbert", places / "weights" / "distilbert-base-uncased")
    found = BertScore(layer=3).score(["heart"], ["heart"])
    assert dict.fromkeys([f"bertscore_{name}" for name in NAMES], 1.0) == pytest.approx(found)


def test_pairs_that_systems_share_are_remembered_once() -> None:
    systems = [_samples([f"heart {i}", "lungs"], [["heart"], ["lungs"]]) for i in range(3)]
    BertScore(model=str(FOLDER / "tiny-distilbert"), layer=3).annotate(*systems)
    assert [4] == list(AnnotationCache().counts().values())


def test_the_score_table_takes_it_by_name(places: Path) -> None:
    shutil.copytree(FOLDER / "tiny-distilbert", places / "weights" / "distilbert-base-uncased")
    with pytest.raises(InputError, match="has the layers 0 to 4, not 5"):
        score(["heart"], ["heart"], metrics=["bertscore"], resamples=0)


def test_a_model_that_is_nowhere_is_refused() -> None:
    with pytest.raises(InputError, match="neither in `cxr-harness weights list` nor a folder"):
        BertScore(model="roberta-large").score(["heart"], ["heart"])
    with pytest.raises(InputError, match="no default layer for 'mine'"):
        BertScore(model="mine")
    with pytest.raises(InputError, match="rescale is off"):
        BertScore(baseline_file="b.tsv")


def test_the_libra_treatment_cleans_both_sides() -> None:
    texts = ["THE HEART, is normal.\nNo  edema"], ["1. Heart: normal/large."]
    raw = BertScore(model=str(FOLDER / "tiny-bert"), layer=3)
    cleaned = [[lower_and_clean(text) for text in side] for side in texts]
    assert raw.score(*cleaned) == replace(raw, treatment="libra").score(*texts)
    assert raw.score(*cleaned) != raw.score(*texts)
