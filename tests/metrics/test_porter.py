from __future__ import annotations

import json
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer

from metrics.tokens.porter import stem

SYNONYMS = json.loads(
    (Path(__file__).parents[1] / "golden" / "meteor_synonyms.json").read_text("utf-8")
)
_LISTED = """
    ational tional enci anci izer bli alli entli eli ousli ization ation ator alism iveness
    fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance
    ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize ll e ed ing eed ied
    ies sses ss s y at bl iz *d ly
"""
SUFFIXES = _LISTED.split()
words = st.tuples(
    st.text(st.sampled_from("aeiouybcdlstwxz*1é"), max_size=7),
    st.lists(st.sampled_from(SUFFIXES), max_size=3).map("".join),
).map("".join)


@cache
def official() -> PorterStemmer:
    return PorterStemmer()


@settings(max_examples=1000, deadline=None)
@given(word=words | st.text(max_size=8))
def test_stems_equal_nltks_on_any_word(word: str) -> None:
    assert official().stem(word) == stem(word)


def test_stems_equal_nltks_for_every_suffix_after_short_and_long_beginnings() -> None:
    beginnings = ["", "t", "y", "oa", "tr", "hop", "ivy", "relat", "controll", "adjust", "syzyg"]
    for beginning, first, second in product(beginnings, SUFFIXES, ["", *SUFFIXES]):
        word = beginning + first + second
        assert official().stem(word) == stem(word)


@pytest.mark.parametrize("word", sorted(SYNONYMS["synonyms"])[::7])
def test_stems_equal_nltks_on_words_of_wordnet(word: str) -> None:
    assert official().stem(word) == stem(word)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("skies", "sky"), ("dying", "die"), ("innings", "inning"), ("Images", "imag"), ("is", "is")],
)
def test_irregular_and_short_words_are_spared(word: str, expected: str) -> None:
    assert expected == stem(word)
