import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics._semb_score import SembScore
from metrics.annotators import CheXbertAnnotator
from metrics.annotators.chexbert import CheXbertAnnotation
from metrics.samples import Samples, TestSet

FOLDER = Path(__file__).parents[1] / "golden" / "chexbert"
GOLDEN: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text("utf-8"))
INPUTS: dict[str, list[str]] = json.loads((FOLDER / "inputs.json").read_text("utf-8"))
KEY = ("annotations", "chexbert")

Vector = tuple[float, ...]
numbers = st.floats(-4, 4, width=32)
vectors = st.tuples(numbers, numbers, numbers)


def pointing(predictions: Sequence[Vector], references: Sequence[Sequence[Vector]]) -> Samples:
    """Return samples whose texts are the numbers of their own vectors."""

    def read(texts: list[str]) -> list[CheXbertAnnotation]:
        labels = np.zeros(14, np.int8)
        return [CheXbertAnnotation(labels, np.array(text.split(), np.float32)) for text in texts]

    def texts(rows: Sequence[Vector]) -> list[str]:
        return [" ".join(map(repr, row)) for row in rows]

    ids = [str(i) for i in range(len(predictions))]
    samples = Samples.of(texts(predictions), TestSet(ids, list(map(texts, references))))
    samples.map_predictions(KEY, read)
    samples.map_references(KEY, read)
    return samples


def test_golden_pairs_get_the_official_cosine() -> None:
    annotator = CheXbertAnnotator.load(FOLDER / "chexbert.pth")
    ids = [str(i) for i in range(len(INPUTS["hyps"]))]
    samples = Samples.of(INPUTS["hyps"], TestSet(ids, [[text] for text in INPUTS["refs"]]))
    samples.map_predictions(KEY, annotator.annotate_distinct)
    samples.map_references(KEY, annotator.annotate_distinct)
    statistics = SembScore().statistics(samples)
    expected = GOLDEN["semb_score"]
    np.testing.assert_allclose(SembScore().per_sample(statistics)[:, 0], expected, atol=1e-6)
    assert np.mean(expected) == pytest.approx(SembScore().reduce(statistics.sum(0))[0], abs=1e-6)


def test_the_nearest_of_several_references_counts() -> None:
    samples = pointing([(1, 0, 0), (0, 2, 0)], [[(-1, 0, 0), (3, 4, 0)], [(0, -1, 0)]])
    assert [0.6, -1.0] == pytest.approx(SembScore().statistics(samples)[:, 0].tolist())


@given(rows=st.lists(st.tuples(vectors, vectors), min_size=1, max_size=5))
def test_a_cosine_lies_between_its_bounds(rows: list[tuple[Vector, Vector]]) -> None:
    samples = pointing([one for one, _ in rows], [[other] for _, other in rows])
    cosines = SembScore().statistics(samples)[:, 0]
    assert ((cosines >= -1) & (cosines <= 1)).all()


@given(vector=vectors.filter(any))
def test_a_report_is_nearest_to_itself(vector: Vector) -> None:
    assert SembScore().statistics(pointing([vector], [[vector]]))[0, 0] == pytest.approx(1.0)
