from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metrics.annotators import CheXbertAnnotator
from metrics.conditions import CONDITIONS
from metrics.official.clinical import ReferenceWorker
from tests.reference.report_texts import reports

pytestmark = pytest.mark.reference
GOLDEN = Path(__file__).parents[1] / "golden" / "chexbert"
MODELS = {"checkpoint": str(GOLDEN / "chexbert.pth"), "encoder": str(GOLDEN / "bert-base-uncased")}
TEXTS = [*reports(4, 200), "", " \n"]


@pytest.fixture(scope="module")
def annotator() -> CheXbertAnnotator:
    return CheXbertAnnotator.load(MODELS["checkpoint"], MODELS["encoder"])


def test_unseen_reports_get_the_official_labels(
    official: ReferenceWorker, annotator: CheXbertAnnotator
) -> None:
    expected = official.ask("chexbert_labels", **MODELS, texts=TEXTS).result
    np.testing.assert_array_equal(expected, annotator.annotate(TEXTS).labels)
    assert {0, 1, 2, 3} == set(np.unique(expected))


def test_unseen_reports_get_the_official_vectors(
    official: ReferenceWorker, annotator: CheXbertAnnotator
) -> None:
    expected = official.ask("chexbert_vectors", **MODELS, texts=TEXTS).result
    np.testing.assert_allclose(expected, annotator.annotate(TEXTS).vectors, rtol=1e-5, atol=5e-5)


def test_unseen_pairs_get_the_official_f1(
    official: ReferenceWorker, annotator: CheXbertAnnotator
) -> None:
    hyps, refs = TEXTS[:100], TEXTS[100:200]
    expected: dict[str, Any] = official.ask("chexbert_f1", **MODELS, hyps=hyps, refs=refs).result
    found = np.isin(annotator.annotate([*hyps, *refs]).labels, [1, 3])
    hits = (found[:100] & found[100:]).sum(axis=0)
    f1 = 2 * hits / np.maximum(found.reshape(2, 100, 14).sum(axis=(0, 1)), 1)
    official_f1 = [expected["report_14"][name]["f1-score"] for name in CONDITIONS]
    np.testing.assert_allclose(official_f1, f1, atol=1e-12)
