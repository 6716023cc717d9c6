import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics._prior_hallucination import HallucinationRate, PriorHallucination
from metrics.samples import Samples, TestSet
from metrics.temporal.comparison_statements import (
    comparison_statements,
    context_mentions_comparison,
    speaks_of_prior,
)

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "prior_statements.json").read_text("utf-8")
)
SPEAKS: list[str] = GOLDEN["speaks_of_prior"]
DOES_NOT: list[str] = GOLDEN["does_not"]
METRIC = PriorHallucination()


@pytest.mark.parametrize("text", SPEAKS)
def test_these_sentences_speak_of_a_prior_study(text: str) -> None:
    assert speaks_of_prior(text)


@pytest.mark.parametrize("text", DOES_NOT)
def test_these_sentences_do_not_speak_of_a_prior_study(text: str) -> None:
    assert not speaks_of_prior(text)


@given(st.lists(st.sampled_from([*SPEAKS, *DOES_NOT]), max_size=6))
def test_a_report_speaks_of_a_prior_if_one_of_its_sentences_does(sentences: list[str]) -> None:
    assert any(sentence in SPEAKS for sentence in sentences) == speaks_of_prior(" ".join(sentences))


@pytest.mark.parametrize("text", [*SPEAKS, *DOES_NOT])
def test_case_does_not_matter(text: str) -> None:
    assert speaks_of_prior(text) == speaks_of_prior(text.upper())


@given(st.text() | st.lists(st.sampled_from([*SPEAKS, "İ", "no prior", "(", ";"])).map(" ".join))
def test_statements_are_ordered_disjoint_spans_of_any_text(text: str) -> None:
    spans = comparison_statements(text)
    edges = [edge for span in spans for edge in span]
    assert sorted(edges) == edges
    assert all(0 <= start < end <= len(text) for start, end in spans)


def test_statements_hold_the_words_that_compare() -> None:
    text = "Stable cardiomegaly. Compared with the prior radiograph, the tube is lower."
    found = [text[start:end] for start, end in comparison_statements(text)]
    assert ["Stable", "Compared with the prior"] == found


def test_long_texts_are_searched_in_linear_time() -> None:
    assert not speaks_of_prior("no prior " * 20_000)
    assert speaks_of_prior("compared to " + "the " * 50_000 + ". Stable heart.")


@pytest.mark.parametrize(
    ("expected", "context"),
    [
        (None, {}),
        (None, {"comparison": "  ", "indication": ""}),
        (False, {"comparison": "None."}),
        (False, {"comparison": "NONE available"}),
        (False, {"Comparison": "No prior studies."}),
        (False, {"comparison": "There are no prior studies."}),
        (True, {"comparison": "Chest radiograph of 3/4/2011."}),
        (True, {"comparison": "XXXX"}),
        (True, {"comparison": "___."}),
        (False, {"indication": "Cough and fever."}),
        (False, {"indication": "Cough.", "comparison": ""}),
        (True, {"history": "Compare with the previous radiograph: compared to 2009."}),
        (True, {"context": "Indication: Cough. Comparison: PA chest from 2010."}),
        (False, {"context": "Indication: Cough. Comparison: None."}),
    ],
)
def test_the_context_tells_whether_there_was_a_comparison(
    expected: bool | None, context: dict[str, str]
) -> None:
    assert expected is context_mentions_comparison(context)


def _samples() -> Samples:
    references = [["Stable heart."], ["Clear."], ["Clear.", "No change."], ["Stable heart."]]
    contexts = [
        {"comparison": "None."},
        {"comparison": "2009"},
        {"comparison": "None."},
        {"comparison": "None."},
    ]
    test_set = TestSet(list("abcd"), references, has_prior=[False] * 4, contexts=contexts)
    predictions = ["Unchanged heart.", "Clear.", "Improved edema.", "Stable heart."]
    return Samples.of(predictions, test_set, prior_shown=[False, False, False, True])


def test_only_samples_whose_model_saw_no_prior_are_counted() -> None:
    scores = METRIC.reduce(METRIC.statistics(_samples()).sum(axis=0))
    # Counted: a, b, c. Predictions that compare: a, c. References: a wholly, c by half.
    assert [2 / 3, 1.5 / 3, 0.0, 1.0] == pytest.approx(scores.tolist())


def test_the_table_sets_predictions_beside_references_in_each_stratum() -> None:
    table = METRIC.table(METRIC.statistics(_samples()).sum(axis=0))
    assert [
        HallucinationRate("all", pytest.approx(2 / 3), 0.5, 3),
        HallucinationRate("comparison in context", 0.0, 0.0, 1),
        HallucinationRate("no comparison in context", 1.0, 0.75, 2),
    ] == table


def test_count_columns_hold_the_samples_counted() -> None:
    totals = METRIC.statistics(_samples()).sum(axis=0)
    counts = [totals[output.count_column] for output in METRIC.info.outputs]
    assert [3.0, 3.0, 1.0, 2.0] == counts


@pytest.mark.parametrize("shown", [None, [True], [None]])
def test_without_counted_samples_nothing_is_defined(shown: list[bool | None] | None) -> None:
    samples = Samples.of(["No change."], TestSet(["a"], [["Clear."]]), prior_shown=shown)
    scores = METRIC.reduce(METRIC.statistics(samples).sum(axis=0))
    assert all(math.isnan(score) for score in scores)


def test_strata_are_undefined_without_contexts() -> None:
    samples = Samples.of(["No change."], TestSet(["a"], [["Clear."]], has_prior=[False]))
    overall, references, *strata = METRIC.per_sample(METRIC.statistics(samples))[0]
    assert (1.0, 0.0) == (overall, references)
    assert all(math.isnan(score) for score in strata)


def test_lower_is_better() -> None:
    assert not any(output.higher_is_better for output in METRIC.info.outputs)


def test_spans_are_invented_where_the_reference_does_not_compare() -> None:
    spans = METRIC.spans("Stable heart.", ["Clear."])
    assert [("prediction", 0, 6, "invented")] == [(s.side, s.start, s.end, s.kind) for s in spans]
    assert ["matched", "matched"] == [s.kind for s in METRIC.spans("Stable.", ["No change."])]
