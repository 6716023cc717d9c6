from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from metrics.tokens.ptb import line, split_tokens
from tests.strategies import texts

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "ptb_tokens.json").read_text("utf-8"))


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["text"][:30])
def test_tokens_equal_those_of_stanfords_tokeniser(case: dict[str, str]) -> None:
    assert case["tokens"] == line(case["text"])


@pytest.mark.parametrize("case", GOLDEN["known_differences"], ids=lambda case: case["text"])
def test_known_differences_are_still_different(case: dict[str, str]) -> None:
    assert case["tokens"] != line(case["text"])


@given(texts)
def test_any_text_gives_lower_case_tokens_without_plain_punctuation(text: str) -> None:
    found = split_tokens(text)
    assert found == [token.lower() for token in found]
    assert not {".", ",", ":", ";", "?", "!", "-", "--", "'", "''", "`", "``", "..."} & set(found)


def test_line_ends_inside_a_text_are_blanks() -> None:
    assert "no effusion new edema" == line("No effusion.\r\nNew\u2028edema.")


@pytest.mark.reference
def test_report_like_texts_have_stanfords_tokens_today() -> None:
    from metrics.official.ptb import tokenise

    cases = [case["text"] for case in GOLDEN["cases"]]
    lines, _ = tokenise(cases, [])
    assert lines == [line(text) for text in cases]
