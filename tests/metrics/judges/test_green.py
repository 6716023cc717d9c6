import json
from pathlib import Path
from typing import Any

import pytest

from metrics.errors import InputError
from metrics.judges import parse_green, summarise
from metrics.judges.green import (
    clean_green,
    green_problem,
    missing_sections,
    render_green_chat,
    shorten,
)
from metrics.judges.kinds import GREEN
from metrics.judges.prompts import PUBLISHED

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "judges" / "green.json").read_text("utf-8")
)
BY_ID = {case["id"]: case for case in GOLDEN["parse"]}
UNREADABLE = {
    "empty",
    "blank",
    "refusal",
    "missing_matched",
    "missing_sig",
    "heading_without_colon",
    "heading_lowercase",
    "truncated_in_sig",
    "truncated_in_matched_heading",
    "matched_lowercase_no",
    "matched_word",
    "matched_no_dot",
    "matched_colon_count",
    "matched_second_line_count",
    "matched_bullet",
    "empty_matched",
    "no_letters",
    "count_no_dot",
    "count_no_space_after_colon",
    "count_two_spaces",
    "count_in_parentheses",
    "negative_count",
}


@pytest.mark.parametrize("case", GOLDEN["parse"], ids=lambda case: case["kind"])
def test_answers_are_read_as_the_official_code_reads_them(case: dict[str, Any]) -> None:
    expected = {
        "significant": case["significant"],
        "insignificant": case["insignificant"],
        "matched": case["matched"],
        "score": pytest.approx(case["green"], abs=1e-12),
    }
    assert expected == parse_green(case["answer"])
    assert case["section_missing"] == missing_sections(case["answer"])


def test_reading_one_answer_leaves_no_trace_in_the_next() -> None:
    quirk = GOLDEN["state_quirk"]
    parse_green(BY_ID[quirk["numbered_id"]]["answer"])
    assert quirk["fresh"] == parse_green(BY_ID[quirk["then_lettered_id"]]["answer"])["score"]


@pytest.mark.parametrize("case", GOLDEN["clean"], ids=lambda case: case["kind"])
def test_the_answer_is_cut_out_of_what_a_model_wrote(case: dict[str, Any]) -> None:
    assert case["clean"] == clean_green(case["raw"])
    assert case["green"] == parse_green(clean_green(case["raw"]))["score"]


@pytest.mark.parametrize("case", GOLDEN["aggregate"], ids=lambda case: case["name"])
def test_the_summary_is_that_of_a_fresh_official_object(case: dict[str, Any]) -> None:
    summary = summarise([parse_green(BY_ID[i]["answer"]) for i in case["ids"]])
    assert case["n"] == summary["n"]
    assert case["mean"] == pytest.approx(summary["mean"], abs=1e-12)
    assert case["std"] == pytest.approx(summary["std"], abs=1e-12)
    assert case["accuracy"] == pytest.approx(summary["accuracy"], abs=1e-12)


def test_the_summary_of_nothing_is_undefined() -> None:
    summary = summarise([])
    assert 0 == summary["n"]
    assert summary["mean"] != summary["mean"]


def test_a_local_green_model_is_asked_as_it_was_trained() -> None:
    case = GOLDEN["chat_example"]
    assert case["rendered"] == render_green_chat(case["prompt"], case["eos"])


def test_the_prompt_is_checked_by_an_official_question() -> None:
    official = {(p["reference"], p["candidate"]): p["sha256"] for p in GOLDEN["prompts"]}
    for probe in PUBLISHED["green"][0]:
        assert official[probe.reference, probe.candidate] == probe.sha256


def test_reports_are_shown_up_to_300_words() -> None:
    assert " ".join(["a"] * 300) == shorten("a\n " * 400)


def test_answers_of_which_zeros_would_be_made_are_no_verdicts() -> None:
    found = {case["kind"] for case in GOLDEN["parse"] if green_problem(case["answer"])}
    assert found == UNREADABLE


def test_a_count_that_never_ends_is_no_verdict() -> None:
    answer = (
        "[Clinically Significant Errors]:\n(a) x: 0.\n\n[Matched Findings]:\n" + "9" * 5000 + ". x"
    )
    assert "The judge's answer is no GREEN verdict: a count is absurd." == GREEN.problem(answer)


@pytest.mark.parametrize("answer", [None, 3, b"[Matched Findings]:"])
def test_an_answer_that_is_no_text_is_refused(answer: Any) -> None:
    with pytest.raises(InputError, match="answer is of type"):
        parse_green(answer)
