import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.soundness import assess

REFERENCES = [[f"Study {i} shows a finding of size {i}."] for i in range(40)]
GOOD = [f"Case {i} has one finding, size {i} cm." for i in range(40)]


def test_varied_reports_of_the_usual_length_are_sound() -> None:
    result = assess(GOOD, REFERENCES)
    assert (result.verdict, result.reasons) == ("sound", [])
    assert (1.0, 8.0, 8.0, 1.0, 0.0) == (
        result.distinct_share,
        result.words_mean,
        result.reference_words_mean,
        result.words_ratio,
        result.copied_share,
    )


def test_missing_failed_empty_and_truncated_are_counted_apart() -> None:
    predictions = [None, "", " ", *GOOD[3:]]
    reasons = [None, "error", "stop", "length", *[None] * 36]
    result = assess(predictions, REFERENCES, reasons)
    counts = (result.n, result.missing, result.failed, result.empty, result.truncated)
    assert counts == (40, 1, 1, 1, 1)
    assert result.verdict == "caution"
    assert [
        "1 of 40 predictions are missing and scored as empty",
        "1 of 40 predictions failed and are scored as empty",
        "1 of 40 predictions are empty",
        "1 of 40 predictions were cut at the limit of tokens",
    ] == result.reasons


@pytest.mark.parametrize(
    ("predictions", "verdict", "reason"),
    [
        (["The same report for every study it sees."] * 40, "unsound", "2.5% of the reports"),
        ([GOOD[i // 4] for i in range(40)], "caution", "25.0% of the reports are distinct"),
        ([f"Case {i}." for i in range(40)], "caution", "0.25 times the references' words"),
        ([f"{i}" for i in range(40)], "unsound", "0.12 times the references' words"),
        ([f"{text} " * 3 for text in GOOD], "caution", "3.00 times the references' words"),
        ([None] * 3 + GOOD[3:], "unsound", "3 of 40 predictions are missing"),
        ([r[0] for r in REFERENCES], "unsound", "100.0% of the reports equal their reference"),
        ([""] * 40, "unsound", "40 of 40 predictions are empty"),
    ],
)
def test_what_is_wrong_is_told(predictions: list[str | None], verdict: str, reason: str) -> None:
    result = assess(predictions, REFERENCES)
    assert verdict == result.verdict
    assert any(reason in told for told in result.reasons)


def test_templated_references_excuse_templated_reports() -> None:
    references = [["Clear lungs, normal heart size."]] * 38 + REFERENCES[:2]
    assert assess(["Lungs are clear, heart normal."] * 40, references).verdict == "caution"
    assert assess([*["Lungs are clear, heart normal."] * 38, *GOOD[:2]], references).reasons == []


def test_few_samples_say_nothing_of_templates() -> None:
    assert assess(["Same text of eight words in every one."] * 5, REFERENCES[:5]).reasons == []


def test_no_samples_give_no_figures() -> None:
    result = assess([], [])
    assert (result.words_mean, result.distinct_share, result.verdict) == (None, None, "sound")


@given(st.lists(st.tuples(st.none() | st.text(), st.text(), st.sampled_from([None, "error"]))))
def test_any_texts_give_plain_figures(rows: list[tuple[str | None, str, str | None]]) -> None:
    predictions, references, reasons = ([row[i] for row in rows] for i in range(3))
    result = assess(predictions, [[r or ""] for r in references], reasons)
    assert asdict(result) == json.loads(json.dumps(asdict(result), allow_nan=False))


def test_answers_that_equal_their_reference_are_no_sign_of_a_leak() -> None:
    answers, references = ["yes", "no"] * 20, [["yes"], ["no"]] * 20
    assert "unsound" == assess(answers, references).verdict
    assert "sound" == assess(answers, references, short_answers=True).verdict
