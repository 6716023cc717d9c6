from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from metrics.tokens.mteval_13a import tokens, words, words_of_stripped
from metrics.tokens.vocabulary import Vocabulary

OFFICIAL = Tokenizer13a()
HOSTILE = st.text(st.sampled_from("ab1 2.,-&;:()/<>\n\t\u00a0%\"'_qutamplgkipsed"), max_size=40)
TEXTS = HOSTILE | st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def tokenise(text: str) -> list[str]:
    return Vocabulary(words, tokens).token_list(text)


@given(TEXTS)
def test_tokens_equal_those_of_sacrebleu_on_any_text(text: str) -> None:
    assert OFFICIAL(text).split() == tokenise(text)


@given(HOSTILE)
def test_stripped_words_give_sacrebleus_tokens_of_the_stripped_text(text: str) -> None:
    expected = OFFICIAL(text.rstrip()).split()
    assert expected == [token for word in words_of_stripped(text) for token in tokens(word)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.5 cm, 1,000 mm.", ["3.5", "cm", ",", "1,000", "mm", "."]),
        ("left-\nsided", ["leftsided"]),
        ("a<skipped>b -<skipped>\nc", ["ab", "c"]),
        ("&lt;5&amp;&quot;x&quot;", ["<", "5", "&", '"', "x", '"']),
        ("&amp;lt;", ["<"]),
        ("10-15 non-small", ["10", "-", "15", "non-small"]),
        ("...", [".", ".", "."]),
        ("isn't", ["isn't"]),
        ("", []),
    ],
)
def test_rules_of_the_tokeniser(text: str, expected: list[str]) -> None:
    assert expected == OFFICIAL(text).split()
    assert expected == tokenise(text)


def test_a_vocabulary_gives_equal_ids_to_equal_tokens_across_calls() -> None:
    vocabulary = Vocabulary(words, tokens)
    first, empty = vocabulary.encode(["no effusion, no edema", ""])
    (second,) = vocabulary.encode(["effusion, new no"])
    assert [] == empty.tolist()
    assert first[0] == first[3] == second[3]
    assert first[1:3].tolist() == second[:2].tolist()
    assert ["no", "effusion", ",", "no", "edema"] == vocabulary.names(first)
