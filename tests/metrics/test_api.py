from __future__ import annotations

import pandas as pd
import pytest

from metrics import InputError, bleu, rouge, rouge_l, score

REFERENCES = ["no pleural effusion", "the heart is normal in size", "the lungs are clear"]
PREDICTIONS = ["no effusion", "heart size is normal", "the lungs are clear"]


def test_one_list_of_predictions_is_one_system() -> None:
    table = score(PREDICTIONS, REFERENCES, metrics=["rougeL"], resamples=0)
    assert ["system"] == list(table.systems)


def test_several_systems_come_in_the_order_given() -> None:
    table = score({"b": PREDICTIONS, "a": REFERENCES}, REFERENCES, metrics="rougeL", resamples=0)
    assert ["b", "a"] == list(table.systems)
    assert 1.0 == table.systems["a"].metrics["rougeL"].score


def test_pandas_series_are_lists_too() -> None:
    frame = pd.DataFrame({"p": PREDICTIONS, "r": REFERENCES, "patient": [1, 1, 2]}, index=[7, 8, 9])
    table = score(frame.p, frame.r, metrics=["bleu"], clusters=frame.patient, resamples=10)
    listed = score(PREDICTIONS, REFERENCES, metrics=["bleu"], clusters=[1, 1, 2], resamples=10)
    assert listed.systems == table.systems


def test_several_references_take_the_best() -> None:
    found = rouge_l(["no effusion"], [["the lungs are clear", "no effusion"]])
    assert 1.0 == found.scores["rougeL"]


def test_per_sample_scores_are_a_frame_with_a_row_per_sample() -> None:
    frame = rouge(PREDICTIONS, REFERENCES).per_sample
    assert ["rouge1", "rouge2", "rougeL"] == list(frame.columns)
    assert 0.8 == frame.rougeL.iloc[0]
    assert 3 == len(frame)


def test_an_interval_holds_the_score_and_narrows_with_confidence() -> None:
    result = rouge_l(PREDICTIONS, REFERENCES)
    wide, narrow = result.interval(confidence=0.95), result.interval(confidence=0.5)
    assert wide["rougeL"][0] <= narrow["rougeL"][0] <= result.scores["rougeL"]
    assert result.scores["rougeL"] <= narrow["rougeL"][1] <= wide["rougeL"][1]


def test_one_cluster_has_an_interval_of_no_width() -> None:
    low, high = rouge_l(PREDICTIONS, REFERENCES).interval(clusters=["p", "p", "p"])["rougeL"]
    assert low == high


def test_the_signature_says_what_was_computed() -> None:
    assert "treatment:libra" in bleu(PREDICTIONS, REFERENCES, protocol="libra").signature


def test_a_table_renders_in_a_notebook_and_as_a_frame() -> None:
    table = score(PREDICTIONS, REFERENCES, metrics=["rougeL"], resamples=10)
    assert "<table" in table._repr_html_()
    assert ["rougeL", "rougeL_low", "rougeL_high"] == list(table.to_frame().columns)


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ("no effusion", ["no effusion"], "one string"),
        (["no effusion"], "no effusion", "one string"),
        (["a", "b"], ["a"], "2 predictions for 1 references"),
        ([], [], "nothing to score"),
        ([None], ["a"], r"predictions\[0\] is None"),
        ([float("nan")], ["a"], r"predictions\[0\] is of type float"),
        (["a"], [float("nan")], r"references\[0\] is of type float"),
        (["a"], [[]], r"references\[0\] is an empty list"),
        (["a"], [["b", None]], r"references\[0\]\[1\] is None"),
        ({}, ["a"], "no system"),
    ],
)
def test_wrong_texts_are_errors_that_say_where(
    predictions: object, references: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        score(predictions, references, resamples=0)  # type: ignore[arg-type]


def test_an_id_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InputError, match="ids has '7' 2 times"):
        score(PREDICTIONS, REFERENCES, ids=["7", "8", "7"])


@pytest.mark.parametrize("resamples", [0, 1000, 5000])
def test_an_unknown_method_of_intervals_is_named(resamples: int) -> None:
    with pytest.raises(InputError, match="Unknown interval method 'bcas'"):
        score(PREDICTIONS, REFERENCES, resamples=resamples, method="bcas")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="Unknown interval method 'bcas'"):
        rouge_l(PREDICTIONS, REFERENCES).interval(resamples, method="bcas")  # type: ignore[arg-type]


def test_lengths_of_the_other_columns_are_checked() -> None:
    with pytest.raises(InputError, match="has_prior has 1 entries for 3 samples"):
        score(PREDICTIONS, REFERENCES, has_prior=[True])
    with pytest.raises(InputError, match="2 values of subject_id for 3 samples"):
        score(PREDICTIONS, REFERENCES, clusters=["a", "b"])
