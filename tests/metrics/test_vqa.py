"""Answers to visual questions: LLaVA-Med's script as it is, and what its paper means."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import score
from metrics._vqa import Vqa
from metrics._vqa_answers import answer_parts, answer_words
from metrics.errors import InputError
from metrics.samples import Samples, TestSet

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "vqa_answers.json").read_text("utf-8")
)
CASES: list[dict[str, Any]] = GOLDEN["cases"]
OUTPUTS = ("exact_match", "closed_accuracy", "token_recall")
answers = st.text("aeys no.,-/()1", max_size=12)


def samples_of(cases: list[dict[str, Any]]) -> Samples:
    test_set = TestSet(
        [str(i) for i in range(len(cases))],
        [[case["reference"]] for case in cases],
        tags=[{"answer_type": case["answer_type"]} for case in cases],
    )
    return Samples.of([case["prediction"] for case in cases], test_set)


def scores(
    prediction: str, *references: str, tag: str | None = None, counting: str = "answers"
) -> list[float | None]:
    """Return exact match, closed accuracy and token recall of one answer; None if undefined."""
    tags = [{} if tag is None else {"answer_type": tag}]
    samples = Samples.of([prediction], TestSet(["q1"], [references], tags=tags))
    metric = Vqa(counting)
    (row,) = metric.per_sample(metric.statistics(samples)).tolist()
    return [None if math.isnan(value) else value for value in row]


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_words_and_scores_of_the_script_are_those_of_the_original(case: dict[str, Any]) -> None:
    assert case["prediction_words"] == answer_words(case["prediction"])
    found = scores(
        case["prediction"], case["reference"], tag=case["answer_type"], counting="script"
    )
    assert [case[name] for name in OUTPUTS] == pytest.approx(found, abs=GOLDEN["tolerance"])


def test_the_script_over_all_golden_answers_is_the_original() -> None:
    metric = Vqa("script")
    totals = metric.statistics(samples_of(CASES)).sum(0)
    expected = [GOLDEN["all"][name] for name in OUTPUTS]
    assert expected == pytest.approx(metric.reduce(totals).tolist(), abs=GOLDEN["tolerance"])


@pytest.mark.parametrize(
    ("prediction", "reference", "right"),
    [
        ("Yes", "yes", 1.0),
        ("yes, there is a small effusion.", "Yes.", 1.0),
        ("There is no effusion.", "no", 1.0),
        ("No", "yes", 0.0),
        ("Yes. There is no pneumothorax.", "no", 0.0),
        ("The heart is normal.", "no", 0.0),
        ("There is a nodule.", "no", 0.0),
        ("Maybe.", "no", 0.0),
        ("", "yes", 0.0),
    ],
)
def test_the_first_yes_or_no_answers_a_closed_question(
    prediction: str, reference: str, right: float
) -> None:
    assert [right, None] == scores(prediction, reference)[1:]


@pytest.mark.parametrize(
    ("prediction", "right"),
    [("It is in the left lung.", 1.0), ("Left", 0.0), ("lung, left", 0.0), ("", 0.0)],
)
def test_a_closed_answer_of_other_words_is_looked_for_as_it_stands(
    prediction: str, right: float
) -> None:
    assert [right, None] == scores(prediction, "left lung", tag="CLOSED")[1:]


@pytest.mark.parametrize(
    ("prediction", "reference", "recall"),
    [
        ("left lower lobe opacity", "left lower lobe", 1.0),
        ("lung lung lung", "left lung", 0.5),
        ("the lung", "right lung and left lung", 0.4),
        ("", "cardiomegaly", 0.0),
        ("cardiomegaly", "", None),
    ],
)
def test_recall_is_the_share_of_the_reference_that_is_found(
    prediction: str, reference: str, recall: float | None
) -> None:
    assert [None, recall] == scores(prediction, reference)[1:]


@pytest.mark.parametrize(
    ("prediction", "reference", "equal"),
    [
        ("The left lung.", "left lung", 1.0),
        ("lung opacity, edema", "Edema, lung opacity", 1.0),
        ("edema", "edema, lung opacity", 0.0),
        ("two", "2", 1.0),
        ("1,000 ml", "1000 ml", 1.0),
        ("", "", 1.0),
        (".", "", 1.0),
        ("edema", "", 0.0),
        ("Yes, it is.", "yes", 0.0),
    ],
)
def test_an_exact_match_overlooks_case_articles_marks_and_the_order_of_lists(
    prediction: str, reference: str, equal: float
) -> None:
    assert equal == scores(prediction, reference)[0]


@pytest.mark.parametrize(
    ("tag", "closed"),
    [("CLOSED", True), ("yes/no", True), ("OPEN", False), ("other", False), ("number", False)],
)
def test_the_tag_decides_before_the_answer(tag: str, closed: bool) -> None:
    found = scores("yes", "yes", tag=tag)
    assert closed is (found[1] is not None)
    assert closed is (found[2] is None)


def test_without_a_tag_all_references_must_be_yes_or_no() -> None:
    assert [1.0, 1.0, None] == scores("no", "yes", "no")
    assert [1.0, None, 1.0] == scores("no", "no", "none seen")


def test_the_best_of_several_references_counts() -> None:
    assert [1.0, None, 1.0] == scores("left", "right lung", "left")
    assert [0.0, None, 0.5] == scores("lung", "right lung", "left hilar area")


def test_an_unknown_tag_is_an_error_that_names_the_sample() -> None:
    with pytest.raises(InputError, match=r"Sample 'q1': the tag answer_type .* OPEN or CLOSED"):
        scores("yes", "yes", tag="binary")


def test_an_unknown_counting_is_an_error() -> None:
    with pytest.raises(InputError, match=r"counting is 'paper'. Write one of answers, script."):
        Vqa("paper")


def test_the_family_and_the_protocol_select_all_three() -> None:
    names = ["vqa_exact_match", "vqa_closed_accuracy", "vqa_token_recall"]
    table = score(["no", "lung"], ["yes", "left lung"], metrics=["vqa"], resamples=0)
    found = {key: one.score for key, one in table.systems["system"].metrics.items()}
    assert dict(zip(names, (0.0, 0.0, 0.5), strict=True)) == found
    assert [2, 1, 1] == [one.n for one in table.systems["system"].metrics.values()]
    published = score(["no", "lung"], ["yes", "left lung"], metrics=["llava_med"], resamples=0)
    assert names == list(published.systems["system"].metrics)
    assert math.isnan(published.systems["system"].metrics["vqa_closed_accuracy"].score)


@given(st.lists(answers, min_size=1, max_size=6))
def test_an_answer_that_repeats_its_reference_is_right(texts: list[str]) -> None:
    metric = Vqa()
    test_set = TestSet([str(i) for i in range(len(texts))], [[text] for text in texts])
    samples = Samples.of(texts, test_set)
    found = metric.reduce(metric.statistics(samples).sum(0))
    assert {1.0} == set(found[~np.isnan(found)].tolist())


@given(answers)
def test_words_and_parts_of_normalised_answers_stay_as_they_are(text: str) -> None:
    words = answer_words(text)
    assert words == answer_words(" ".join(words))
    assert answer_parts(text) == answer_parts(", ".join(sorted(answer_parts(text))))
