import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics.tokens.libra_text import clean, lower_and_clean

CHARACTERS = "ab1.,:;()-_ \n\t\r\x0b\x1c\u00a0\u2003/%'\"[]<&—–éßİ²漢\u0307$+"


def published_steps(text: str) -> str:
    """The published steps, one after the other, longhand."""
    text = re.sub(r"\n+", " ", text)
    text = re.sub(r"[_-]+", " ", text)
    for dead in (r"\(___, __, __\)", r"---, ---, ---", r"\(__, __, ___\)"):
        text = re.sub(dead, "", text)
    text = re.sub(r"[_-]+", " ", text)
    text = re.sub(r"[^\w\s.,:;()-]", "", text)
    return re.sub(r"\s{2,}", " ", text).strip()


@pytest.mark.parametrize(
    ("cleaned", "text"),
    [
        ("worsenedincreased", "worsened/increased"),
        ("isnt", "isn't"),
        ("20 smaller", "20% smaller!"),
        ("left sided", "left-sided"),
        ("a b", "a\n\n_-_b"),
        ("( , , ) x", "(___, __, __) x"),
        ("a\tb", "a\tb"),
        ("a\u00a0b", "a\u00a0b"),
        ("a b", "a\u00a0\u00a0b"),
        ("stableunchanged", "stable—unchanged"),
        ("Kept Case: (a); b.", "Kept Case: (a); b."),
        ("", " \n_?/ "),
    ],
)
def test_cleaning_follows_the_published_steps(cleaned: str, text: str) -> None:
    assert cleaned == clean(text)
    assert cleaned == published_steps(text)


@given(st.text(alphabet=CHARACTERS) | st.text())
@example("\x1c-\x1c")
def test_cleaning_equals_the_published_steps_on_any_text(text: str) -> None:
    assert published_steps(text) == clean(text)


@given(st.text(alphabet=CHARACTERS) | st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(text) == clean(clean(text))


def test_lowering_comes_before_cleaning() -> None:
    # "İ".lower() is "i" and a combining dot, which cleaning then drops.
    assert "istanbul" == lower_and_clean("İstanbul")
    assert "i\u0307" == clean("İ").lower()
