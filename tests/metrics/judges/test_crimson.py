import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.errors import InputError
from metrics.judges import score_crimson
from metrics.judges.crimson import clean_report_text
from metrics.judges.json_repair import read_json
from metrics.judges.kinds import CRIMSON
from metrics.judges.prompts import PUBLISHED

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "judges" / "crimson.json").read_text("utf-8")
)
GOOD = [case for case in GOLDEN["verdicts"] if "error" not in case["expected"]]
BAD = [case for case in GOLDEN["verdicts"] if "error" in case["expected"]]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: f"{case['id']}-{case['kind']}")
def test_verdicts_score_as_in_the_official_package(case: dict[str, Any]) -> None:
    expected = {
        "score": case["expected"]["crimson_score"],
        "error_counts": case["expected"]["error_counts"],
    }
    assert expected == score_crimson(case["verdict"])


@pytest.mark.parametrize("case", BAD, ids=lambda case: case["kind"])
def test_a_verdict_of_another_form_is_an_error(case: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="has not the form"):
        score_crimson(case["verdict"])


@pytest.mark.parametrize("case", GOLDEN["json_repair"], ids=lambda case: case["kind"])
def test_broken_json_is_mended_as_in_the_official_package(case: dict[str, Any]) -> None:
    if case["ok"]:
        assert case["parsed"] == read_json(case["text"])
    else:
        with pytest.raises(InputError, match="is no JSON"):
            read_json(case["text"])


@pytest.mark.parametrize("case", GOLDEN["clean_report_text"], ids=lambda case: case["text"][:20])
def test_reports_are_cleaned_as_in_the_official_package(case: dict[str, Any]) -> None:
    assert case["clean"] == clean_report_text(case["text"])


def test_the_prompt_is_checked_by_official_questions() -> None:
    official = {p["sha256"] for p in GOLDEN["prompt_hashes"] if "sha256" in p}
    for variant in PUBLISHED["crimson"]:
        assert official >= {probe.sha256 for probe in variant}


@given(st.text('{}[]":,\\ R1“’', max_size=60))
def test_any_text_is_json_or_an_error(text: str) -> None:
    try:
        found = read_json(text)
    except InputError:
        return
    assert found == json.loads(json.dumps(found))


@pytest.mark.parametrize("answer", ["[" * 100_000, "[1]", '"text"', "{}", '{"errors": {}}', ""])
def test_json_that_is_no_verdict_is_told(answer: str) -> None:
    assert CRIMSON.problem(answer) is not None


def test_a_fence_and_thoughts_around_the_verdict_do_no_harm() -> None:
    verdict = '{"reference_findings": [], "errors": {}}'
    assert CRIMSON.problem(f"<think>\nHm {{\n</think>\n```json\n{verdict}\n```") is None
