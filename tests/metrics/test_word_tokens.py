from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from metrics.official.meteor import word_tokenizer
from metrics.tokens import word_tokens
from metrics.tokens.libra_text import lower_and_clean
from metrics.tokens.word_tokens import pieces, tokens_of, word_tokenize
from tests.hostile_words import HOSTILE_WORDS, hostile_texts, plain_texts
from tests.strategies import report_like

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "meteor_cases.json").read_text("utf-8"))
WITH_TOKENS = [case for case in GOLDEN["cases"] if "cleaned_tokens" in case]


@pytest.mark.parametrize("case", WITH_TOKENS, ids=lambda case: case["id"])
def test_tokens_equal_nltks_on_odd_texts(case: dict[str, Any]) -> None:
    assert case["cleaned_tokens"] == word_tokenize(lower_and_clean(case["prediction"]))


@settings(max_examples=600, deadline=None)
@given(text=hostile_texts | report_like)
def test_tokens_equal_nltks_on_any_text(text: str) -> None:
    assert word_tokenizer()(text) == word_tokenize(text)


@settings(max_examples=300, deadline=None)
@given(text=plain_texts)
def test_tokens_equal_nltks_where_words_are_remembered(text: str) -> None:
    expected = word_tokenizer()(text)
    assert expected == word_tokenize(text)
    assert expected == word_tokenize(text)


@pytest.mark.slow
def test_tokens_equal_nltks_on_two_hundred_thousand_hostile_words() -> None:
    generator = random.Random(0)
    for _ in range(20_000):
        text = " ".join(generator.choices(HOSTILE_WORDS, k=10))
        assert word_tokenizer()(text) == word_tokenize(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Seen by Dr. Doe.", ["Seen", "by", "Dr.", "Doe", "."]),
        ("Size approx. 3.5 cm, stable.", ["Size", "approx", ".", "3.5", "cm", ",", "stable", "."]),
        ("(Clear.) No change.", ["(", "Clear", ".", ")", "No", "change", "."]),
        ("It isn't; we cannot say.", ["It", "is", "n't", ";", "we", "can", "not", "say", "."]),
        ('The "mass".', ["The", "``", "mass", "''", "."]),
    ],
)
def test_words_marks_and_full_stops_part_where_treebank_parts_them(
    text: str, expected: list[str]
) -> None:
    assert expected == word_tokenize(text)


def test_a_full_stop_inside_a_sentence_stays_with_its_word() -> None:
    assert ["Seen", "by", "Dr. ", "Doe."] == pieces("Seen by Dr. Doe.")
    assert [("Dr.",), ("Dr", ".")] == [tokens_of("Dr. "), tokens_of("Dr.")]


def test_forgetting_words_changes_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_tokens, "_LARGEST_CACHE", 3)
    for text in ("Lungs clear. Heart normal in size.", "Seen by Dr. Doe at 5 p.m. today."):
        assert word_tokenizer()(text) == word_tokenize(text)
    word_tokenize("one two")
    assert len(word_tokens._settled) <= 7


def test_splitting_words_imports_neither_nltk_nor_regex() -> None:
    code = (
        "import sys; from metrics.tokens.word_tokens import word_tokenize; "
        "word_tokenize('Seen by Dr. Doe (5 cm). Not \"new\".'); "
        "print([m for m in ('nltk', 'regex') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
