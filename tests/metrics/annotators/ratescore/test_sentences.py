import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.annotators.ratescore.sentences import sentence_ranges, sentences
from metrics.annotators.ratescore.spacy_tokens import token_ranges

FOLDER = Path(__file__).parents[3] / "golden" / "ratescore"
GOLDEN: dict[str, Any] = json.loads((FOLDER / "sentences.json").read_text("utf-8"))
ALPHABET = "aB1 .,:;?!()[]-*+\\\n\r\t'\"\u00a0\u2003\u00e9\u80ba\ud800"


def test_odd_texts_are_split_as_by_medspacy() -> None:
    wrong = [
        case["text"]
        for case in GOLDEN["cases"]
        if case["spans"] != [list(span) for span in sentence_ranges(case["text"])]
    ]
    assert [] == wrong
    assert len(GOLDEN["cases"]) > 500


@pytest.mark.parametrize("text", ["", " ", "\n\t ", ".", "ab", " a. "])
def test_text_without_three_characters_has_no_sentence(text: str) -> None:
    assert [] == sentences(text)


def test_a_sentence_begins_only_at_a_token() -> None:
    assert ["Lungs clear.No effusion."] == sentences("Lungs clear.No effusion.")
    assert ["Lungs clear.", "No effusion."] == sentences("Lungs clear. No effusion.")


def test_exceptions_that_affixes_break_up_are_one_token() -> None:
    text = "approx. 3 cm :-( can't"
    tokens = [text[start:stop] for start, stop in token_ranges(text)]
    assert ["approx", ".", "3", "cm", ":-(", "ca", "n't"] == tokens


@given(text=st.text(ALPHABET, max_size=60))
@settings(max_examples=200, deadline=None)
def test_sentences_cover_the_text_in_order(text: str) -> None:
    ranges = sentence_ranges(text)
    assert ranges == sorted(ranges)
    assert all(a < b for a, b in ranges)
    assert all(first[1] <= second[0] for first, second in pairwise(ranges))
    covered = "".join(text[a:b] for a, b in ranges)
    assert "".join(text.split()) == "".join(covered.split())


def test_a_long_text_takes_time_in_proportion_to_its_length() -> None:
    text = "The heart is large. No effusion (see 2). " * 400
    assert 800 == len(sentences(text))
