import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from metrics._chexbert_f1 import TABLE_COLUMNS, ChexbertF1, condition_table
from metrics.annotators import CheXbertAnnotator
from metrics.annotators.chexbert import CheXbertAnnotation
from metrics.conditions import CONDITIONS, FIVE, snake_case
from metrics.errors import InputError
from metrics.samples import Samples, TestSet

FOLDER = Path(__file__).parents[1] / "golden" / "chexbert"
GOLDEN: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text("utf-8"))
INPUTS: dict[str, list[str]] = json.loads((FOLDER / "inputs.json").read_text("utf-8"))
KEY = ("annotations", "chexbert")
AVERAGES = ("micro", "macro", "weighted", "samples")

Labels = Sequence[int]
label_rows = st.lists(
    st.tuples(*[st.lists(st.integers(0, 3), min_size=14, max_size=14)] * 2), min_size=1, max_size=8
)


def labelled(predictions: Sequence[Labels], references: Sequence[Sequence[Labels]]) -> Samples:
    """Return samples whose texts are the digits of their own labels."""

    def read(texts: list[str]) -> list[CheXbertAnnotation]:
        vector = np.zeros(2, np.float32)
        return [CheXbertAnnotation(np.array(list(text), np.int8), vector) for text in texts]

    def texts(rows: Sequence[Labels]) -> list[str]:
        return ["".join(map(str, row)) for row in rows]

    ids = [str(i) for i in range(len(predictions))]
    samples = Samples.of(texts(predictions), TestSet(ids, list(map(texts, references))))
    samples.map_predictions(KEY, read)
    samples.map_references(KEY, read)
    return samples


def scores_of(metric: ChexbertF1, values: np.ndarray) -> dict[str, float]:
    return dict(zip([o.name for o in metric.info.outputs], values.tolist(), strict=True))


def official(found: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """Return scikit-learn's F1 under our names."""
    scores: dict[str, float] = {}
    for size, chosen in ((14, list(range(14))), (5, list(FIVE))):
        report = classification_report(
            wanted[:, chosen],
            found[:, chosen],
            target_names=[CONDITIONS[i] for i in chosen],
            output_dict=True,
            zero_division=0,
        )
        for average in AVERAGES:
            scores[f"chexbert_{average}_f1_{size}"] = report[f"{average} avg"]["f1-score"]
        for i in chosen:
            name = f"chexbert_f1_{snake_case(CONDITIONS[i])}"
            scores[name] = report[CONDITIONS[i]]["f1-score"]
    agree = found[:, list(FIVE)] == wanted[:, list(FIVE)]
    return scores | {"chexbert_accuracy_5": agree.all(1).mean()}


def golden_samples() -> Samples:
    annotator = CheXbertAnnotator.load(FOLDER / "chexbert.pth")
    ids = [str(i) for i in range(len(INPUTS["hyps"]))]
    samples = Samples.of(INPUTS["hyps"], TestSet(ids, [[text] for text in INPUTS["refs"]]))
    samples.map_predictions(KEY, annotator.annotate_distinct)
    samples.map_references(KEY, annotator.annotate_distinct)
    return samples


@pytest.fixture(scope="module")
def golden_statistics() -> np.ndarray:
    return ChexbertF1().statistics(golden_samples())


def test_golden_texts_get_the_official_scores(golden_statistics: np.ndarray) -> None:
    scores = scores_of(ChexbertF1(), ChexbertF1().reduce(golden_statistics.sum(axis=0)))
    published = GOLDEN["metrics"]
    expected = {"chexbert_accuracy_5": published["accuracy_5"]}
    for size in (14, 5):
        report = published[f"classification_report_{size}"]
        for average in AVERAGES:
            expected[f"chexbert_{average}_f1_{size}"] = report[f"{average} avg"]["f1-score"]
    for name in CONDITIONS:
        row = published["classification_report_14"][name]
        expected[f"chexbert_f1_{snake_case(name)}"] = row["f1-score"]
    assert expected == pytest.approx(scores, rel=1e-12)


def test_golden_studies_agree_on_the_five_where_they_officially_do(
    golden_statistics: np.ndarray,
) -> None:
    found = ChexbertF1().per_sample(golden_statistics)[:, -1]
    assert GOLDEN["metrics"]["per_report_exact_match_5"] == found.tolist()


def test_the_condition_table_is_the_official_report(golden_statistics: np.ndarray) -> None:
    table = condition_table(golden_statistics.sum(axis=0))
    assert (14, len(TABLE_COLUMNS)) == table.shape
    for name, row in zip(CONDITIONS, table.tolist(), strict=True):
        official_row = GOLDEN["metrics"]["classification_report_14"][name]
        expected = [official_row[key] for key in ("precision", "recall", "f1-score", "support")]
        expected[-1] /= len(golden_statistics)
        assert expected == pytest.approx(row, rel=1e-12)


def test_the_condition_table_takes_resamples(golden_statistics: np.ndarray) -> None:
    totals = golden_statistics.sum(axis=0)
    tables = condition_table(np.stack([totals, totals * 2])[:, None])
    np.testing.assert_array_equal(tables[0, 0], condition_table(totals))
    np.testing.assert_array_equal(tables[0], tables[1])


@settings(deadline=None, max_examples=40)
@given(rows=label_rows, uncertain=st.sampled_from(["positive", "negative"]))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_any_labels_score_as_scikit_learn_has_them(
    rows: list[tuple[list[int], list[int]]], uncertain: str
) -> None:
    metric = ChexbertF1(uncertain)
    samples = labelled([one for one, _ in rows], [[other] for _, other in rows])
    counted = {1, 3} if uncertain == "positive" else {1}
    found, wanted = (np.isin([row[i] for row in rows], list(counted)).astype(int) for i in (0, 1))
    scores = scores_of(metric, metric.reduce(metric.statistics(samples).sum(axis=0)))
    assert official(found, wanted) == pytest.approx(scores, rel=1e-12)


def test_uncertain_counts_as_positive_unless_told_otherwise() -> None:
    samples = labelled([[3] * 14], [[[1] * 14]])
    micro = [
        ChexbertF1(reading).per_sample(ChexbertF1(reading).statistics(samples))[0, 0]
        for reading in ("positive", "negative")
    ]
    assert [1.0, 0.0] == micro
    assert ChexbertF1().signature.startswith("chexbert|uncertain:positive|")


def test_two_reports_without_a_condition_score_zero_as_published() -> None:
    metric = ChexbertF1()
    totals = metric.statistics(labelled([[0] * 14], [[[2] * 14]])).sum(axis=0)
    expected = dict.fromkeys((o.name for o in metric.info.outputs), 0.0)
    assert expected | {"chexbert_accuracy_5": 1.0} == scores_of(metric, metric.reduce(totals))


def test_a_condition_is_there_if_one_of_several_references_has_it() -> None:
    both = [[1, 0, *[0] * 12], [0, 1, *[0] * 12]]
    samples = labelled([[1, 1, *[0] * 12], [0] * 14], [both, [[0] * 14]])
    counts = ChexbertF1().statistics(samples)
    assert [[2, 0, 0], [0, 0, 0]] == counts[:, :42].reshape(2, 3, 14).sum(axis=2).tolist()


def test_macro_f1_and_absent_conditions_are_undefined_by_study() -> None:
    samples = labelled([[1, 1, *[0] * 12]], [[[1, 0, *[0] * 12]]])
    scores = scores_of(ChexbertF1(), ChexbertF1().per_sample(ChexbertF1().statistics(samples))[0])
    assert scores["chexbert_micro_f1_14"] == scores["chexbert_samples_f1_14"] == 2 / 3
    assert (1.0, 0.0) == (
        scores["chexbert_f1_enlarged_cardiomediastinum"],
        scores["chexbert_f1_cardiomegaly"],
    )
    undefined = ("chexbert_macro_f1_14", "chexbert_weighted_f1_5", "chexbert_f1_edema")
    assert all(np.isnan(scores[name]) for name in undefined)


def test_another_reading_of_uncertain_is_an_error() -> None:
    with pytest.raises(InputError, match="Write one of positive, negative"):
        ChexbertF1("maybe")
